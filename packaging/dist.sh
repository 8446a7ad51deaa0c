#!/usr/bin/env bash
# Makes the packages of a commit in target/dist: tarball, .deb, .rpm, container image, .zip for Windows, lists of components,
# checksums. Two runs of one commit with one version of Rust, in any folder and home, make the same bytes. Needs Debian or
# Ubuntu; what is missing is installed. Where image or .zip cannot be made this says so, and goes on.
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
if prepare_image; then
    pack_image "$stage" "$out/sastctl-$version-image.tar.gz"
else
    say "no image: the packages of Debian 12 cannot be had"
fi
sbom "$portable" "$out/$name.cdx.json"
if prepare_windows; then
    say "building for Windows"
    build_windows
    windows=sastctl-$version-x86_64-windows
    pack_zip "$place/target/$target/release/sastctl.exe" "$stage" "$out" "$windows"
    sbom "$target" "$out/$windows.cdx.json"
else
    say "no .zip for Windows: see above"
fi
rm -rf "$stage" "${out:?}/$name"
(cd "$out" && sha256sum -- * >SHA256SUMS)
if [ -n "${SIGN_KEY:-}" ]; then
    ssh-keygen -q -Y sign -f "$SIGN_KEY" -n file "$out/SHA256SUMS"
else
    say "not signed: SIGN_KEY=FILE signs SHA256SUMS with an SSH key"
fi
cat "$out/SHA256SUMS"
