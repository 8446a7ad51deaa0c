#!/usr/bin/env bash
# Packs the crates as a registry gets them, and builds each from its package; then installs the program from there, and
# verifies a file with it. Nothing is published. Works on a commit, never on changed files.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# Together: sastctl needs the trustlist that is not published yet. faulty-token is for tests.
cargo publish --dry-run --workspace --exclude faulty-token --locked

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for crate in trustlist sastctl; do
    tar --extract --file "$target/package/$crate-$version.crate" --directory "$folder"
done
# The trustlist of the package, where a registry would give it.
sed -i '/^name = "trustlist"/,/^$/{/^source = /d; /^checksum = /d}' "$folder/sastctl-$version/Cargo.lock"
cd "$folder"
CARGO_TARGET_DIR=$target cargo install --debug --locked --quiet --path "sastctl-$version" --root "$folder" \
    --config "patch.crates-io.trustlist.path = '$folder/trustlist-$version'"
bin/sastctl --version --verbose
bin/sastctl ctl verify "$OLDPWD/tests/testdata/golden/token-signed.tlv"
