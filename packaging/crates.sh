#!/usr/bin/env bash
# Packs the crates as they would be uploaded to a registry, and builds each from its package. Then installs the program from
# the package, and verifies a file with it. Publishes nothing. Commit your changes first: cargo packs only a clean tree.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# Both crates in one call, because sastctl needs trustlist, which is not published yet. faulty-token is only for tests.
cargo publish --dry-run --workspace --exclude faulty-token --locked

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for crate in trustlist sastctl; do
    tar --extract --file "$target/package/$crate-$version.crate" --directory "$folder"
done
# cargo takes trustlist from the unpacked package instead of a registry: remove the source and checksum of the registry.
sed -i '/^name = "trustlist"/,/^$/{/^source = /d; /^checksum = /d}' "$folder/sastctl-$version/Cargo.lock"
cd "$folder"
CARGO_TARGET_DIR=$target cargo install --debug --locked --quiet --path "sastctl-$version" --root "$folder" \
    --config "patch.crates-io.trustlist.path = '$folder/trustlist-$version'"
bin/sastctl --version --verbose
bin/sastctl ctl verify "$OLDPWD/tests/testdata/golden/token-signed.tlv"
