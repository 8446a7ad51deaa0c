#!/usr/bin/env bash
# Makes the packages of a commit in target/dist: tarball, .deb, .rpm, list of components, checksums. Two runs of one
# commit, in any folder and home, make the same bytes. Needs Debian or Ubuntu; installs missing packages.
# SIGN_KEY=FILE signs the checksums with that SSH key.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/dist/functions.sh

commit=$(git rev-parse HEAD)
[ -z "$(git status --porcelain --untracked-files=no)" ] || fail "commit your changes first: packages are made of a commit"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH SASTCTL_COMMIT=$commit LC_ALL=C TZ=UTC
out=target/dist
stage=$out/stage
rm -rf "$out"
mkdir -p "$stage"

prepare
say "building for glibc 2.28 and later, in $place"
build_portable
program=$place/target/$portable/release/sastctl

say "collecting files"
collect "$program" "$stage"

say "packing"
name=sastctl-$version-x86_64-linux
mkdir "$out/$name"
cp -a "$stage/usr/." "$out/$name"
pack_tar "$out" "$name"
pack_deb "$stage" "$out/sastctl_${version}_amd64.deb"
pack_rpm "$stage" "$out"
sbom "$out/sastctl-$version.cdx.json"
rm -rf "$stage" "${out:?}/$name"
(cd "$out" && sha256sum -- * >SHA256SUMS)
if [ -n "${SIGN_KEY:-}" ]; then
    ssh-keygen -q -Y sign -f "$SIGN_KEY" -n file "$out/SHA256SUMS"
else
    say "not signed: SIGN_KEY=FILE signs SHA256SUMS with an SSH key"
fi
cat "$out/SHA256SUMS"
