#!/usr/bin/env bash
# Builds sastctl.exe, and SoftHSM for Windows, and runs the stories of packaging/windows/stories.sh under wine in a root of
# its own. Needs Debian or Ubuntu, and root for the stories. What takes long (OpenSSL, SoftHSM, wine) is kept in
# SASTCTL_WINDOWS_PLACE, by default ~/.cache/sastctl-windows. Where a piece cannot be had this says which, and ends well:
# nothing was tried. STORIES="list access" runs a part. With --check it only type-checks, and only with what an earlier run has kept.
set -euo pipefail
cd "$(dirname "$0")/.."
place=${SASTCTL_WINDOWS_PLACE:-${XDG_CACHE_HOME:-$HOME/.cache}/sastctl-windows}

skip() {
    echo "windows: skipped: $*" >&2
    exit 0
}

if [ "${1:-}" = --check ]; then
    [ -d "$place/openssl" ] || skip "no OpenSSL for Windows is kept here (make windows builds it)"
else
    mkdir -p "$place"
    packaging/setup.sh windows || skip "the packages cannot be had"
fi

. packaging/windows/toolchain.sh
windows_cargo "$place" || skip "no standard library of Rust for Windows"
# OpenSSL takes longer than everything else: it is built once, and kept.
build=(env -u RUSTFLAGS CARGO_TARGET_DIR="$place/build" "${cargo[@]}" build --locked --release --target "$target")
kept=(X86_64_PC_WINDOWS_GNU_OPENSSL_DIR="$place/openssl" X86_64_PC_WINDOWS_GNU_OPENSSL_STATIC=1)
if [ "${1:-}" = --check ]; then
    env -u RUSTFLAGS "${kept[@]}" CARGO_TARGET_DIR="$place/build" "${cargo[@]}" check --locked --quiet --workspace --tests --target "$target"
    exit
fi
if [ -d "$place/openssl" ]; then
    env "${kept[@]}" "${build[@]}" --bin sastctl
else
    "${build[@]}" --bin sastctl --features vendored-openssl
    cp -r "$(dirname "$(dirname "$(find "$place/build/$target" -path '*/install/lib/libcrypto.a' | head -n 1)")")" "$place/openssl"
fi
"${build[@]}" --package faulty-token
built=$place/build/$target/release
unset RUSTC RUSTC_BOOTSTRAP

if ! [ -e "$place/softhsm2.dll" ]; then
    packaging/debian.sh source bookworm main softhsm2 "$place/softhsm" || skip "no source of SoftHSM"
    packaging/windows/softhsm.sh "$(echo "$place"/softhsm/softhsm2-*/)" "$place/openssl" "$place/softhsm2.dll"
fi

[ "$(id -u)" = 0 ] || skip "the stories need root, for a root of their own"
root=$place/root
if ! [ -e "$place/wine.tar" ]; then
    mmdebstrap --quiet --variant=minbase --include=wine64,wine,softhsm2,opensc,pcscd,vsmartcard-vpcd,python3,python3-cryptography trixie "$place/wine.tar" || skip "no wine 10"
fi
rm -rf "$root"
mkdir "$root"
tar --extract --file "$place/wine.tar" --directory "$root"
mkdir -p "$root/sastctl/tests/testdata"
cp "$built/sastctl.exe" "$built/faulty_token.dll" "$place/softhsm2.dll" "$root/sastctl"
cp -r softhsm-fixtures packaging tests/virtual-card "$root/sastctl"
cp -r tests/testdata/golden "$root/sastctl/tests/testdata"
trap 'umount "$root/proc" "$root/dev/pts" "$root/dev"' EXIT
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind /dev/pts "$root/dev/pts"
chroot "$root" env -i STORIES="${STORIES:-}" PATH=/usr/bin:/bin:/usr/sbin:/sbin /sastctl/packaging/windows/stories.sh
