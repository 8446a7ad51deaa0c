#!/bin/sh
# The figures: whole processes beside pkcs11-tool on the same SoftHSM token, peak memory of each, and one CTL decoded and
# verified in microseconds. Installs hyperfine and GNU time where they are missing.
set -eu
cd "$(dirname -- "$0")/.."
packaging/setup.sh tests
packaging/setup.sh bench
cargo build --release --locked --quiet

work=$(pwd)/target/bench-tokens
rm -rf -- "$work"
mkdir -p -- "$work"
eval "$(softhsm-fixtures/make-tokens.sh "$work/hsm")"
PATH=$(pwd)/target/release:$PATH
SAST_PIN=Cisco123
SASTCTL_PIN_SOURCE=env:SAST_PIN
export PATH SAST_PIN SASTCTL_PIN_SOURCE
ctl=$(pwd)/tests/testdata/golden/token-signed.tlv
module=$(sastctl token list --json | sed -n 's/.*"module": "\(.*\)".*/\1/p')
cd "$work"

# NAME, then the commands that do the same, ours first; each a line.
compare() {
    name=$1
    shift
    printf '\n%s\n' "$name"
    hyperfine --shell none --warmup 5 --runs "${RUNS:-40}" --prepare "rm -rf certs signed.tlv" --output null --export-json times.json "$@" >hyperfine.log 2>&1 || {
        cat hyperfine.log
        exit 1
    }
    for command in "$@"; do
        median=$(awk -v wanted="$command" '
            /"command":/ { here = index($0, "\"" wanted "\"") > 0 }
            here && /"median":/ { sub(/.*: /, ""); sub(/,.*/, ""); print; exit }' times.json)
        # shellcheck disable=SC2086
        memory=$(/usr/bin/time -f %M $command 2>&1 >/dev/null | tail -n 1)
        printf '  %7.2f ms  %6.1f MiB  %s\n' \
            "$(awk -v s="$median" 'BEGIN { print s * 1000 }')" "$(awk -v k="$memory" 'BEGIN { print k / 1024 }')" \
            "$(printf '%s' "$command" | sed "s|$module|MODULE|; s|$work/||g; s|$ctl|$(basename "$ctl")|")"
    done
}

echo "Whole processes on one SoftHSM token: median of ${RUNS:-40} runs, and peak memory."
compare "Tokens, with their certificates" "sastctl token list" "pkcs11-tool --module $module -L"
compare "A certificate" \
    "sastctl cert export --token SAST-ADN008580ef --out certs --force -q" \
    "pkcs11-tool --module $module --slot-index 0 --read-object --type cert --id 01 -o cert.der"
compare "A signature over one CTL (ours: read, verified, planned, signed, verified twice, written and synced)" \
    "sastctl ctl sign $ctl --token SAST-ADN008580ef --out signed.tlv --yes -q" \
    "pkcs11-tool --module $module --slot-index 0 --login --pin Cisco123 --sign --id 01 -m SHA1-RSA-PKCS -i $ctl -o sig"

printf '\nOne CTL in one process\n'
cd "$work/../.."
cargo bench --locked --quiet --bench trustlist -- --noplot 2>/dev/null | awk '
    /^Benchmarking|^Found|^ *[0-9]|^ *(change|Performance)/ || !NF { next }
    / time: / { line = $0; sub(/ time: .*/, "", line); if (line ~ /[a-z]/) name = line
                sub(/.*\[/, ""); split($0, t, " "); sub(/ *$/, "", name); printf "  %8s %s  %s\n", t[3], t[4], name; next }
    { name = $0 }'

printf '\nA cluster of fake nodes on loopback\n'
cargo build --release --locked --quiet --examples
cargo test --release --locked --quiet --test stories -- --ignored --nocapture figures_of_a_cluster 2>&1 | grep -E ' ms|panicked|SKIPPED'
