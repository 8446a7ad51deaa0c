#!/bin/sh
# Opens pages in headless Chromium, and makes pictures (wide, dark, phone) and PDFs (A4, Letter) with a picture of each sheet. Runs
# axe-core on them. page.sh [PAGE.html…]; the default is the page that `make demo` writes, and the sheets of a ceremony for the
# same list, before and after the signing. Fails if axe-core finds a violation, if a page is wider than its window or loads
# anything else, and if a PDF has more than two sheets.
set -eu

cd "$(dirname -- "$0")/.."
out=target/page
for tool in chromium npm pdftoppm pdfinfo; do
    command -v "$tool" >/dev/null || { echo "page: skipped, $tool is not installed"; exit 0; }
done
if [ $# = 0 ]; then
    [ -e demo/page.html ] || { echo "page: there is no demo/page.html: make demo writes one" >&2; exit 1; }
    program=$(pwd)/target/debug/sastctl
    (
        cd demo
        SOFTHSM2_CONF=$(pwd)/hsm/softhsm2.conf SASTCTL_PROFILE=softhsm XDG_STATE_HOME=$(pwd)/state SAST_PIN=Cisco123
        export SOFTHSM2_CONF SASTCTL_PROFILE XDG_STATE_HOME SAST_PIN
        "$program" request revert CTLFile.tlv --token certs/SAST-ADN008580ef.cer --spare certs/SAST-ADN0054f509.cer \
            --cluster-name Krakow --change CHG0012345 --out ceremony.sastreq -q >/dev/null 2>&1
        "$program" ceremony ceremony.sastreq --html sheet.html
        "$program" sign-request ceremony.sastreq --yes -q --pin-source env:SAST_PIN >/dev/null 2>&1
        "$program" ceremony ceremony.sastreq --answer ceremony.sastans --html sheet-signed.html
    )
    set -- demo/page.html demo/sheet.html demo/sheet-signed.html
fi
mkdir -p -- "$out"
npm install --silent --no-save --no-audit --prefix "$out" axe-core@4 puppeteer-core@25 >/dev/null ||
    { echo "page: skipped, axe-core and puppeteer-core cannot be installed"; exit 0; }
cp packaging/page.mjs "$out/"
for page in "$@"; do
    echo "$page"
    pictures=$out/$(basename -- "$page" .html)
    mkdir -p -- "$pictures"
    rm -f -- "$pictures"/*.png
    node "$out/page.mjs" "$page" "$pictures" "$(command -v chromium)"
    for paper in A4 Letter; do
        sheets=$(pdfinfo "$pictures/$paper.pdf" | sed -n 's/^Pages: *//p')
        echo "$paper: $sheets sheets"
        pdftoppm -r 80 -png "$pictures/$paper.pdf" "$pictures/$paper"
        [ "$sheets" -le 2 ] || exit 1
    done
done
echo "The pictures are in $out."
