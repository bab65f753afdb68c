#!/bin/bash
# release.sh VERSION: all that is published of these sources, in build/release-VERSION: the
# program and the packages for both architectures, what they consist of (CycloneDX), the
# change log, and the digests of all, which are signed if SIGNING_KEY is the file of an SSH
# key:
#
#   ssh-keygen -Y verify -f ALLOWED_SIGNERS -I WHO -n file -s SHA256SUMS.sig <SHA256SUMS
set -euo pipefail

version=$1
cd "$(dirname "$0")/.."
out=build/release-$version
rm -rf "$out"
mkdir -p "$out"
[ -e "changes/$version.md" ] || { echo "error: changes/$version.md has no entries" >&2; exit 1; }

for arch in amd64 arm64; do
    program=$out/cloudseed-$version-linux-$arch
    CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -buildvcs=false \
        -ldflags "-s -w -X main.version=$version -X main.commit=$(git rev-parse HEAD)" -o "$program" ./cmd/cloudseed
    go run ./packaging/sbom "$program" "$version" >"$program.cdx.json"
done
for arch in x86_64 aarch64; do
    packaging/build-rpm.sh "$version" "$arch" "$out"
done
packaging/changelog.sh >"$out/CHANGELOG.md"

cd "$out"
sha256sum -- * >SHA256SUMS
if [ -n "${SIGNING_KEY:-}" ]; then
    ssh-keygen -q -Y sign -n file -f "$SIGNING_KEY" SHA256SUMS
fi
echo "$out"
