#!/bin/bash
# build-rpm.sh VERSION ARCH OUTDIR: builds the packages of these sources into OUTDIR:
#
#   cloudseed-VERSION-1.ARCH.rpm       the program (ARCH: x86_64 or aarch64, on either)
#   cloud-init-26.2-1.noarch.rpm       the empty package of that name
#   cloudseed-VERSION-1.src.rpm        sources and vendored modules: builds without a network
#
# Two runs over the same sources with the same SOURCE_DATE_EPOCH give the same bytes.
set -euo pipefail

version=$1 arch=$2 out=$3
top=$(cd "$(dirname "$0")/.." && pwd)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$top" log -1 --format=%ct)} LC_ALL=C
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work"/{sources,rpms}
name=cloudseed-$version

# pack FILE DIRECTORY NAME...: a tar file whose bytes depend on the contents alone. All
# that is in it is below cloudseed-VERSION.
pack() {
    local file=$1 directory=$2
    shift 2
    tar --create --directory="$directory" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner \
        --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" --transform="s,^,$name/,S" "$@" | gzip -9n >"$file"
}

cd "$top"
git ls-files -z | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done >"$work/files"
pack "$work/sources/$name.tar.gz" . --null --no-recursion --files-from="$work/files"
go mod vendor -o "$work/vendor"
pack "$work/sources/$name-vendor.tar.gz" "$work" vendor

# What the spec takes from outside is written into it, so that the source package has it.
{
    echo "%global program $version"
    echo "%global commit $(git rev-parse HEAD)"
    echo "%global date $(date --utc --date="@$SOURCE_DATE_EPOCH" '+%a %b %d %Y')"
    cat packaging/cloudseed.spec
} >"$work/cloudseed.spec"

# --nodeps: on Debian no rpm says that there is a Go compiler.
rpmbuild -ba --quiet --nodeps --target "$arch-linux" \
    --define "_topdir $work" \
    --define "_sourcedir $work/sources" \
    --define "_srcrpmdir $work/rpms" \
    --define "_rpmdir $work/rpms" \
    --define "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
    --define "_srcdefattr (-,root,root)" \
    "$work/cloudseed.spec" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }

mkdir -p "$out"
mv "$work"/rpms/*.rpm "$out/"
echo "$out/cloudseed-$version-1.$arch.rpm"
