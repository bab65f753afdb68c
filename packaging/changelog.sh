#!/bin/sh
# changelog.sh: prints the change log of the entries in changes/, the latest version first.
set -eu
cd "$(dirname "$0")/../changes"
echo "# Changes"
for file in $(ls -- *.md | grep '^[0-9]' | sort --version-sort --reverse); do
    printf '\n## %s\n\n' "${file%.md}"
    cat "$file"
done
