#!/usr/bin/env bash
# Makes the packages of the current commit in target/dist: tarball, .deb, .rpm, container image, .zip for Windows, lists of
# components (SBOM), checksums. The same commit and the same version of Rust make the same bytes in any folder and home.
# Needs Debian or Ubuntu, and installs the tools that are missing. If the image or the .zip cannot be made, the script prints
# the reason and makes the other files. SIGN_KEY=FILE signs the checksums with that SSH key.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/dist/functions.sh

commit=$(git rev-parse HEAD)
[ -z "$(git status --porcelain --untracked-files=no)" ] || fail "commit your changes first: packages are made from a commit"
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
    say "no container image: the packages of Debian 12 are not available"
fi
sbom "$portable" "$out/$name.cdx.json"
if prepare_windows; then
    say "building for Windows"
    build_windows
    windows=sastctl-$version-x86_64-windows
    pack_zip "$place/target/$target/release/sastctl.exe" "$stage" "$out" "$windows"
    sbom "$target" "$out/$windows.cdx.json"
else
    say "no .zip for Windows: the reason is above"
fi
rm -rf "$stage" "${out:?}/$name"
(cd "$out" && sha256sum -- * >SHA256SUMS)
if [ -n "${SIGN_KEY:-}" ]; then
    ssh-keygen -q -Y sign -f "$SIGN_KEY" -n file "$out/SHA256SUMS"
else
    say "not signed: SIGN_KEY=FILE signs SHA256SUMS with an SSH key"
fi
cat "$out/SHA256SUMS"
