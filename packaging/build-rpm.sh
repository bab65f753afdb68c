#!/bin/bash
# build-rpm.sh VERSION BINARY OUTDIR: puts the binary, the units and the
# configuration into OUTDIR/cloudseed-VERSION-1.x86_64.rpm. Two runs over the same
# sources with the same SOURCE_DATE_EPOCH give the same bytes.
set -euo pipefail

version=$1 binary=$2 out=$3
top=$(cd "$(dirname "$0")/.." && pwd)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/sources" "$work/rpms"

cp "$binary" "$work/sources/cloudseed"
cp "$top"/guest/templates/*.tmpl "$top"/packaging/{cloud.cfg,05_logging.cfg} "$top"/{LICENSE,README.md} "$work/sources/"
cp "$top"/systemd/*.{service,target,preset,tmpfiles} "$work/sources/"
cp "$top/systemd/sshd-keygen@.service.d/cloudseed.conf" "$work/sources/sshd-keygen.conf"

rpmbuild -bb --quiet --target x86_64-linux \
    --define "version $version" \
    --define "_topdir $work" \
    --define "_sourcedir $work/sources" \
    --define "_rpmdir $work/rpms" \
    --define "_rpmfilename %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm" \
    --define "_buildhost localhost" \
    --define "use_source_date_epoch_as_buildtime 1" \
    --define "clamp_mtime_to_source_date_epoch 1" \
    "$top/packaging/cloudseed.spec"

mkdir -p "$out"
mv "$work/rpms/cloudseed-$version-1.x86_64.rpm" "$out/"
echo "$out/cloudseed-$version-1.x86_64.rpm"
