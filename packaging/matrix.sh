#!/bin/sh
# Runs one test suite with every available PKCS#11 module and prints a table. Installs the packages that the modules need; each
# test starts and stops its own servers.
set -eu
cd "$(dirname -- "$0")/.."
packaging/setup.sh tests
packaging/setup.sh matrix

rows=$(pwd)/target/matrix
rm -rf -- "$rows"
mkdir -p -- "$rows"
why_no_kryoptic=
if cargo build --quiet --locked --manifest-path packaging/kryoptic/Cargo.toml --target-dir target/kryoptic \
    >"$rows/kryoptic.log" 2>&1; then
    SASTCTL_KRYOPTIC=$(find "$(pwd)/target/kryoptic/debug/deps" -name 'libkryoptic_pkcs11*.so' | head -n 1)
    export SASTCTL_KRYOPTIC
else
    why_no_kryoptic=$(tail -n 1 "$rows/kryoptic.log")
fi
rm -f -- "$rows/kryoptic.log"

failed=0
SASTCTL_MATRIX=$rows cargo test --locked --quiet --test stories conformance:: >"$rows/.log" 2>&1 || failed=1

cat -- "$rows"/* | awk -F '\t' '
    $2 == "not run" { idle[++idles] = sprintf("  %-18s %s", $1, $3); next }
    {
        if (!($1 in seen)) { seen[$1]; module[++modules] = $1 }
        if (!($2 in column)) { column[$2] = ++checks; check[checks] = $2 }
        word = $3
        if (word ~ /^cannot: /) { cannot[++cannots] = sprintf("  %-18s %-11s %s", $1, $2, substr(word, 9)); word = "cannot" }
        sub(/,.*/, "", word)
        sub(/ file/, "", word)
        cell[$1, $2] = word
    }
    END {
        printf "%-18s", "MODULE"
        for (c = 1; c <= checks; c++) printf "%-11s", toupper(check[c])
        print ""
        for (m = 1; m <= modules; m++) {
            printf "%-18s", module[m]
            for (c = 1; c <= checks; c++) printf "%-11s", cell[module[m], check[c]]
            print ""
        }
        if (cannots) print "\nWhat the modules cannot do:"
        for (i = 1; i <= cannots; i++) print cannot[i]
        print "\nNot run:"
        for (i = 1; i <= idles; i++) print idle[i]
    }'
[ -z "$why_no_kryoptic" ] || printf '  %-18s %s\n' "" "$why_no_kryoptic"
cat <<'TEXT'
  SafeNet            its library and its tokens need a contract; faulty-token behaves like them
  Luna, nShield, CloudHSM, Utimaco, YubiHSM 2
                     they need hardware, or a library under contract; the profiles are made from public documents
TEXT
if [ "$failed" != 0 ]; then
    echo
    grep -vE '^(running|test result|$)' "$rows/.log" | head -n 60
    exit 1
fi
