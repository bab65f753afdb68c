# git, make and Go are enough for build, demo and test; make help lists the targets.

VERSION ?= 0.1.0
ARCH    ?= x86_64
RPM     := build/cloudseed-$(VERSION)-1.$(ARCH).rpm

COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)

# The same sources give the same package, byte for byte.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1)
export SOURCE_DATE_EPOCH

STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     := go run mvdan.cc/gofumpt@v0.12.0

# Without the state of the checkout (-buildvcs), so that two machines build the same bytes.
.PHONY: build
build: ## the program, as bin/cloudseed
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)' -o bin/cloudseed ./cmd/cloudseed

.PHONY: demo
demo: build ## an oVirt seed applied to a throw-away copy of this system (root)
	go run ./test/demo bin/cloudseed

.PHONY: test
test: ## the unit tests; what this machine lacks for some is listed as LEFT OUT
	go vet ./...
	go test ./...
	@echo "left out here, in make test-all: the rpm's contents (make test-rpm), whole boots in containers (make test-guest)"
	@echo "and in virtual machines (make test-vm), the comparison with the real cloud-init (make test-differential),"
	@echo "the linters (make lint)"

.PHONY: lint
lint: ## go vet, staticcheck and gofumpt
	go vet ./...
	$(STATICCHECK) ./...
	@files=$$($(GOFUMPT) -l $$(git ls-files '*.go')) && if [ -n "$$files" ]; then echo "not as gofumpt writes it:"; echo "$$files"; exit 1; fi

.PHONY: rpm
rpm: ## the packages, below build/ (needs rpmbuild; ARCH=aarch64 for the other)
	@command -v rpmbuild >/dev/null || { echo "make rpm needs rpmbuild: dnf install rpm-build, or apt-get install rpm" >&2; exit 1; }
	packaging/build-rpm.sh $(VERSION) $(ARCH) build

# SIGNING_KEY=FILE, of an SSH key, signs the digests. Absolute, or from here.
.PHONY: release
release: ## all that is published of a version, below build/
	SIGNING_KEY=$(if $(SIGNING_KEY),$(abspath $(SIGNING_KEY))) packaging/release.sh $(VERSION)

.PHONY: test-rpm
test-rpm: rpm ## the package's contents
	CLOUDSEED_RPM=$(CURDIR)/$(RPM) go test -count=1 -v ./packaging/...

.PHONY: test-reproducible
test-reproducible: rpm ## two clones, two users, two clocks: the same packages (root)
	CLOUDSEED_RPM=$(CURDIR)/$(RPM) CLOUDSEED_REPRODUCIBLE=1 go test -count=1 -v -timeout 60m ./packaging/ -run TwoClones

# The real cloud-init is fetched from Debian's archive, unpacked in build/ and never installed.
# SEED=n COUNT=n USER_COUNT=n MODULE_COUNT=n TEMPLATE_COUNT=n: the random cases of a run
# before, or more of them, of the network, user data, modules and templates.
SEED  ?= 1
COUNT ?= 3000
USER_COUNT ?= 2000
MODULE_COUNT ?= 500
TEMPLATE_COUNT ?= 500
.PHONY: test-differential
test-differential: ## the same inputs for the real cloud-init and for this program
	CLOUDSEED_DIFFERENTIAL=1 go test -count=1 -v -timeout 40m ./test/differential/... -args -seed $(SEED) -count $(COUNT) -user-count $(USER_COUNT) -module-count $(MODULE_COUNT) -template-count $(TEMPLATE_COUNT)

# ROUNDS=n: how often each program boots.
ROUNDS ?= 10
.PHONY: bench
bench: build ## what a boot costs, beside the real cloud-init; writes the table of docs/performance.md (root, Debian; 5 minutes)
	go run ./test/bench -rounds $(ROUNDS) -write docs/performance.md bin/cloudseed

.PHONY: test-guest
test-guest: rpm ## whole boots in containers (root, Debian)
	CLOUDSEED_RPM=$(CURDIR)/$(RPM) CLOUDSEED_GUEST=1 go test -count=1 -v -parallel 2 -timeout 40m ./test/guest/

.PHONY: test-vm
test-vm: rpm ## whole boots in virtual machines (root, Debian)
	CLOUDSEED_RPM=$(CURDIR)/$(RPM) CLOUDSEED_VM=1 go test -count=1 -v -parallel 2 -timeout 75m ./test/vm/

# CUTS=n: the moments on each file system; CUT_SEED=n: other ones; CONTAINED=1:
# the boots after the power cuts in containers, where one takes seconds.
CUTS     ?= 50
CUT_SEED ?= 1
.PHONY: test-power
test-power: rpm ## power cuts at random moments of a first boot (root, Debian)
	CLOUDSEED_RPM=$(CURDIR)/$(RPM) CLOUDSEED_VM=1 go test -count=1 -v -parallel 2 -timeout 6h -run PowerCut ./test/vm/ -args -cuts $(CUTS) -cut-seed $(CUT_SEED) $(if $(CONTAINED),-contained)

.PHONY: test-all
test-all: ## everything that CI runs (root, Debian; installs what it needs)
	.ci/run

# A short look from every fuzz target; FUZZTIME=10m for a long one.
FUZZTIME ?= 10s
.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME
	test/fuzz.sh $(FUZZTIME)

# SEED=n: the conditions of a run before; MUTANTS=n: how many.
MUTANTS ?= 100
.PHONY: mutants
mutants: ## negates random conditions, one at a time: which does no test notice? (root; an hour)
	go mod download # the sandbox has no network
	go run ./test/mutants -n $(MUTANTS) -seed $(SEED)

.PHONY: clean
clean: ## remove what was built
	rm -rf bin build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' Makefile
