#!/bin/sh
# Opens the page of a journal in headless Chromium, and makes pictures (wide, dark, phone) and PDFs (A4, Letter) with a picture of
# each sheet. Runs axe-core on it. page.sh [PAGE.html]; the default is the page that `make demo` writes. Fails if axe-core finds a
# violation, if the page is wider than its window or loads anything else, and if a PDF has more than two sheets.
set -eu

cd "$(dirname -- "$0")/.."
page=${1:-demo/page.html}
out=target/page
for tool in chromium npm pdftoppm pdfinfo; do
    command -v "$tool" >/dev/null || { echo "page: skipped, $tool is not installed"; exit 0; }
done
[ -e "$page" ] || { echo "page: there is no $page: make demo writes one" >&2; exit 1; }
mkdir -p -- "$out"
npm install --silent --no-save --no-audit --prefix "$out" axe-core@4 puppeteer-core@25 >/dev/null ||
    { echo "page: skipped, axe-core and puppeteer-core cannot be installed"; exit 0; }
cp packaging/page.mjs "$out/"
node "$out/page.mjs" "$page" "$out" "$(command -v chromium)"
for paper in A4 Letter; do
    sheets=$(pdfinfo "$out/$paper.pdf" | sed -n 's/^Pages: *//p')
    echo "$paper: $sheets sheets"
    pdftoppm -r 80 -png "$out/$paper.pdf" "$out/$paper"
    [ "$sheets" -le 2 ] || exit 1
done
echo "The pictures are in $out."
