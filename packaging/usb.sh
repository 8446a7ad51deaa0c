#!/usr/bin/env bash
# Boots a virtual machine in which the .deb of target/dist is installed, attaches software USB tokens to it, and prints the
# results of the checks in tests/usb/init. Needs root, Debian's packages, and an earlier `make dist`. Takes a few minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
packaging/setup.sh usb
place=${SASTCTL_USB_PLACE:-${XDG_CACHE_HOME:-$HOME/.cache}/sastctl-usb}
deb=$(echo "$PWD"/target/dist/*.deb)
[ -e "$deb" ] || { echo "usb: there is no .deb in target/dist: run make dist first" >&2; exit 1; }
mkdir -p "$place"
packages=linux-image-amd64,kmod,udev,iproute2,usbip,usbutils,pcscd,libccid,opensc,python3,python3-cryptography,passwd,mount,procps,dbus,polkitd
[ -e "$place/root.tar" ] || mmdebstrap --quiet --variant=minbase --include=$packages trixie "$place/root.tar"
root=$place/root
rm -rf "$root"
mkdir "$root"
tar --extract --file "$place/root.tar" --directory "$root"
cp "$deb" "$root/tmp/sastctl.deb"
chroot "$root" dpkg --install /tmp/sastctl.deb
mkdir "$root/sastctl"
cp -r tests/usb softhsm-fixtures tests/testdata/golden "$root/sastctl"
cp tests/virtual-card/card.py "$root/sastctl/usb"
install -m 755 tests/usb/init "$root/init"
kernel=$(echo "$root"/boot/vmlinuz-*)
cp "$kernel" "$place/kernel"
rm -rf "$root"/boot "$root"/usr/share/{locale,man,info} "$root"/var/{cache,lib}/apt "$root"/tmp/*
# Keep only those modules of the kernel that are for USB.
find "$root"/usr/lib/modules -path '*/kernel/*' -name '*.ko*' ! -path '*/usb/*' -delete
for folder in "$root"/usr/lib/modules/*; do depmod --basedir "$root" "$(basename "$folder")"; done
(cd "$root" && find . -print0 | cpio --quiet --null --create --format newc) | gzip -1 >"$place/root.cpio.gz"
timeout 900 qemu-system-x86_64 -m 2048 -nographic -no-reboot -kernel "$place/kernel" -initrd "$place/root.cpio.gz" \
    -append 'console=ttyS0 quiet loglevel=0 rdinit=/init panic=1' </dev/null | tee "$place/log"
grep -q ': all ok' "$place/log"
