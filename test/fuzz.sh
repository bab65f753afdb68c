#!/bin/bash
# fuzz.sh TIME: gives every fuzz target of the module that much time, and says how many
# inputs were tried in all; then changed volumes, for as long. It fails when one of them
# found something.
set -euo pipefail
time=$1 total=0 failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

while read -r dir; do
    for target in $(grep -hos '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -d' ' -f2); do
        result=ok
        # Inputs of megabytes are not worth minimising for a minute.
        if ! (cd "$dir" && go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5x .) >"$out" 2>&1; then
            # The fuzzer itself fails when its time is up in the middle of a slow
            # input; it has then found nothing.
            if grep -q 'Failing input written' "$out" || ! grep -q 'context deadline exceeded' "$out"; then
                cat "$out"
                result=FAILED failed=1
            fi
        fi
        tried=$(grep -o 'execs: [0-9]*' "$out" | tail -n 1 | cut -d' ' -f2 || true)
        total=$((total + ${tried:-0}))
        printf '%-8s %9s inputs  %s %s\n' "$result" "${tried:-0}" "${dir#"$PWD"/}" "$target"
    done
done < <(go list -f '{{.Dir}}' ./...)
echo "$total inputs in all"

# Changed volumes, read by the confined reader as at boot.
seed=${SEED:-$(date +%s)}
if ! go test ./datasource/media -run '^TestMutationsOfVolumesAreReadOrRefused$' -count=1 -timeout 12h -v -args -mutate "$time" -mutations-from "$seed" >"$out" 2>&1; then
    failed=1
    cat "$out"
fi
grep -o '[0-9]* mutations of .*' "$out" || { cat "$out"; failed=1; }
exit "$failed"
