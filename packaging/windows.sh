#!/usr/bin/env bash
# Builds sastctl.exe and SoftHSM for Windows, and runs the stories of packaging/windows/stories.sh under wine in a separate
# root. Needs Debian or Ubuntu, and root for the stories. What takes long to make (OpenSSL, SoftHSM, the root with wine) is
# stored in SASTCTL_WINDOWS_PLACE (default: ~/.cache/sastctl-windows) and used again. If something is not available, the
# script prints what, and exits with 0. STORIES="list access" runs only these stories. --check only type-checks; it uses
# what an earlier run has stored.
set -euo pipefail
cd "$(dirname "$0")/.."
place=${SASTCTL_WINDOWS_PLACE:-${XDG_CACHE_HOME:-$HOME/.cache}/sastctl-windows}
. packaging/windows/toolchain.sh

skip() {
    echo "windows: skipped: $*" >&2
    exit 0
}

if [ "${1:-}" = --check ]; then
    [ -d "$(windows_openssl_folder "$place")" ] || skip "OpenSSL for Windows is not built yet (make windows builds it)"
else
    mkdir -p "$place"
    packaging/setup.sh windows || skip "the packages cannot be installed"
fi

windows_cargo "$place" || skip "Rust's standard library for Windows is not available"
windows_openssl "$place" || skip "OpenSSL cannot be built"
in_build() { env -u RUSTFLAGS "${openssl[@]}" CARGO_TARGET_DIR="$place/build" "${cargo[@]}" "$@" --locked --target "$target"; }
if [ "${1:-}" = --check ]; then
    in_build check --quiet --workspace --tests
    exit
fi
in_build build --release --bin sastctl --features vendored-openssl
in_build build --release --package faulty-token
built=$place/build/$target/release
unset RUSTC RUSTC_BOOTSTRAP

if ! [ -e "$place/softhsm2.dll" ]; then
    packaging/debian.sh source bookworm main softhsm2 "$place/softhsm" || skip "the source of SoftHSM is not available"
    packaging/windows/softhsm.sh "$(echo "$place"/softhsm/softhsm2-*/)" "$(windows_openssl_folder "$place")" "$place/softhsm2.dll"
fi

[ "$(id -u)" = 0 ] || skip "the stories run in a chroot, which only root can make"
root=$place/root
if ! [ -e "$place/wine.tar" ]; then
    mmdebstrap --quiet --variant=minbase --include=wine64,wine,softhsm2,opensc,pcscd,vsmartcard-vpcd,python3,python3-cryptography trixie "$place/wine.tar" || skip "wine 10 of Debian 13 is not available"
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
