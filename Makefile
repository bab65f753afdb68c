# make          the program, as bin/cloudseed
# make demo     an oVirt drive, applied to a throw-away view of this machine (root)
# make test     needs Go and nothing else
# make test-all everything, on a Debian machine, as root; installs what it needs
# make rpm      build/cloudseed-VERSION-1.x86_64.rpm (needs rpmbuild)

VERSION ?= 0.1.0
RPM     := build/cloudseed-$(VERSION)-1.x86_64.rpm

# The same sources give the same package, byte for byte.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 1)
export SOURCE_DATE_EPOCH

STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT     := go run mvdan.cc/gofumpt@v0.12.0

.PHONY: build
build:
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/cloudseed ./cmd/cloudseed

.PHONY: demo
demo: build
	go run ./test/demo bin/cloudseed

.PHONY: test
test:
	go vet ./...
	go test ./...
	@echo "left out here, in make test-all: the rpm's contents (make test-rpm), whole boots in containers (make test-guest)"
	@echo "and in virtual machines (make test-vm), the comparison with the real cloud-init (make test-differential),"
	@echo "the linters (make lint)"

.PHONY: lint
lint:
	go vet ./...
	$(STATICCHECK) ./...
	@files=$$($(GOFUMPT) -l $$(git ls-files '*.go')) && if [ -n "$$files" ]; then echo "not as gofumpt writes it:"; echo "$$files"; exit 1; fi

.PHONY: rpm
rpm: build
	packaging/build-rpm.sh $(VERSION) bin/cloudseed build

.PHONY: test-rpm
test-rpm: rpm
	CLOUDSEED_RPM=$(CURDIR)/$(RPM) go test -count=1 -v ./packaging/

# The real cloud-init is fetched from Debian's archive, unpacked in build/ and never installed.
# SEED=n COUNT=n USER_COUNT=n: the random cases of a run before, or more of them, of
# the network and of user data.
SEED  ?= 0
COUNT ?= 3000
USER_COUNT ?= 2000
.PHONY: test-differential
test-differential:
	CLOUDSEED_DIFFERENTIAL=1 go test -count=1 -v -timeout 20m ./test/differential/... -args -seed $(SEED) -count $(COUNT) -user-count $(USER_COUNT)

.PHONY: test-guest
test-guest: rpm
	CLOUDSEED_RPM=$(CURDIR)/$(RPM) CLOUDSEED_GUEST=1 go test -count=1 -v -parallel 2 -timeout 40m ./test/guest/

.PHONY: test-vm
test-vm: rpm
	CLOUDSEED_RPM=$(CURDIR)/$(RPM) CLOUDSEED_VM=1 go test -count=1 -v -parallel 2 -timeout 75m ./test/vm/

.PHONY: test-all
test-all:
	.ci/run

# A short look from every fuzz target; FUZZTIME=10m for a long one.
FUZZTIME ?= 10s
.PHONY: fuzz
fuzz:
	test/fuzz.sh $(FUZZTIME)

.PHONY: clean
clean:
	rm -rf bin build
