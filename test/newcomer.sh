#!/bin/bash
# Does what the README says, as a newcomer would: a fresh clone on a minimal Debian with
# git, make and Go and nothing else, in a container. Run as root on a Debian machine with
# debootstrap and systemd-nspawn. Go itself and what it has downloaded are this machine's.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=trixie
work=$PWD/build/newcomer
base=$work/$suite
mkdir -p "$work"

if [ ! -e "$base" ]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
    rm -rf "$base.new"
    debootstrap --variant=minbase --include=git,make,ca-certificates "$suite" "$base.new" "$mirror" >"$work/debootstrap.log"
    rm -rf "$base.new/usr/share/doc" # git brings a Go program, which "go vet ./..." would find here
    mv "$base.new" "$base"
fi

root=$work/root
rm -rf "$root" && mkdir -p "$root/upper" "$root/work" "$root/merged"
trap 'umount "$root/merged"; rm -rf "$root"' EXIT
mount -t overlay overlay -o "lowerdir=$base,upperdir=$root/upper,workdir=$root/work" "$root/merged"
git clone -q . "$root/merged/root/cloudseed"
mkdir -p "$root/merged/var/cache/go/modules" "$root/merged/var/cache/go/build"

go mod download # there is no other network in the container than that of this machine, and none of its certificates
go=$(go env GOROOT) modules=$(go env GOMODCACHE) cache=$(go env GOCACHE)
mkdir -p "$modules" "$cache"
systemd-nspawn --quiet --pipe --register=no --keep-unit --directory="$root/merged" \
    --bind-ro="$go:/usr/local/go" \
    --overlay="$modules::/var/cache/go/modules" --overlay="$cache::/var/cache/go/build" \
    --setenv=PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin --setenv=HOME=/root \
    --setenv=GOMODCACHE=/var/cache/go/modules --setenv=GOCACHE=/var/cache/go/build \
    --setenv=GOPROXY="$(go env GOPROXY)" --setenv=GONOSUMDB="$(go env GONOSUMDB)" --setenv=GOSUMDB="$(go env GOSUMDB)" \
    --setenv=GOFLAGS="$(go env GOFLAGS)" \
    sh -ec 'cd /root/cloudseed; make demo; make test'
