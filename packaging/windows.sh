#!/usr/bin/env bash
# Builds sastctl.exe, and SoftHSM for Windows, and runs the stories of packaging/windows/stories.sh under wine in a
# separate root. Needs Debian or Ubuntu, and root for the stories. What takes long (OpenSSL, SoftHSM, wine) is kept in
# SASTCTL_WINDOWS_PLACE, by default ~/.cache/sastctl-windows. If a part cannot be downloaded, it prints which one and ends
# with exit code 0: nothing was tested. With --check it only type-checks, and only with the parts that an earlier run has
# kept.
set -euo pipefail
cd "$(dirname "$0")/.."
place=${SASTCTL_WINDOWS_PLACE:-${XDG_CACHE_HOME:-$HOME/.cache}/sastctl-windows}
target=x86_64-pc-windows-gnu

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

# The standard library for Windows: from rustup, else built from the sources of the same version in Debian's packages.
cargo=(cargo)
if ! [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] && ! rustup target add "$target" >/dev/null 2>&1; then
    version=$(rustc --version | cut -d ' ' -f 2)
    toolchain=$place/toolchain-$version
    if ! [ -d "$toolchain/lib/rustlib/src/rust/library" ]; then
        rm -rf "$toolchain"
        packaging/windows/debian.sh download trixie-backports main "rust-src=$version*" "$place/rust-src" || skip "no rust-src $version"
        cp -al "$(rustc --print sysroot)" "$toolchain"
        mkdir -p "$toolchain/lib/rustlib/src/rust"
        dpkg-deb --extract "$place"/rust-src/rust-src_*.deb "$place/rust-src/files"
        cp -a "$place"/rust-src/files/usr/src/rustc-*/library "$toolchain/lib/rustlib/src/rust"
        rm -rf "$place/rust-src"
    fi
    export RUSTC_BOOTSTRAP=1 RUSTC=$toolchain/bin/rustc
    cargo=("$toolchain/bin/cargo" -Zbuild-std=std,panic_unwind)
fi
# OpenSSL takes longer than everything else: it is built once, and kept.
build=(env -u RUSTFLAGS CARGO_TARGET_DIR="$place/build" "${cargo[@]}" build --locked --release --target "$target" --bin sastctl)
kept=(X86_64_PC_WINDOWS_GNU_OPENSSL_DIR="$place/openssl" X86_64_PC_WINDOWS_GNU_OPENSSL_STATIC=1)
if [ "${1:-}" = --check ]; then
    env -u RUSTFLAGS "${kept[@]}" CARGO_TARGET_DIR="$place/build" "${cargo[@]}" check --locked --quiet --target "$target" --lib --bins
    exit
fi
if [ -d "$place/openssl" ]; then
    env "${kept[@]}" "${build[@]}"
else
    "${build[@]}" --features vendored-openssl
    cp -r "$(dirname "$(dirname "$(find "$place/build/$target" -path '*/install/lib/libcrypto.a' | head -n 1)")")" "$place/openssl"
fi
program=$place/build/$target/release/sastctl.exe
unset RUSTC RUSTC_BOOTSTRAP

if ! [ -e "$place/softhsm2.dll" ]; then
    packaging/windows/debian.sh source bookworm main softhsm2 "$place/softhsm" || skip "no source of SoftHSM"
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
cp "$program" "$place/softhsm2.dll" "$root/sastctl"
cp -r softhsm-fixtures packaging tests/virtual-card "$root/sastctl"
cp -r tests/testdata/golden "$root/sastctl/tests/testdata"
trap 'umount "$root/proc" "$root/dev/pts" "$root/dev"' EXIT
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
mount --bind /dev/pts "$root/dev/pts"
chroot "$root" env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin /sastctl/packaging/windows/stories.sh
