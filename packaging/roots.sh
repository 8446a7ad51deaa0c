#!/usr/bin/env bash
# Installs, uses, upgrades and removes the packages of target/dist in fresh root file systems of Debian, and runs the program of
# the container image. Prints a table. Needs root, Debian's packages, and an earlier `make dist`. If a root cannot be made, its
# row says why. ROOTS="bookworm" tries only this one. The roots are in target/roots.
set -euo pipefail
cd "$(dirname "$0")/.."
packaging/setup.sh roots

roots=${ROOTS:-bullseye bookworm trixie rpm image}
folder=$PWD/target/roots
deb=$(echo "$PWD"/target/dist/*.deb)
rpm=$(echo "$PWD"/target/dist/*.rpm)
[ -e "$deb" ] && [ -e "$rpm" ] || { echo "roots: there is no .deb or no .rpm in target/dist: run make dist first" >&2; exit 1; }
mkdir -p "$folder"
failed=0

# Unpacks a root of a Debian release, and mounts /proc and /dev in it. mmdebstrap makes the archive of the root once.
fresh() {
    local release=$1 root=$2
    [ -e "$folder/$release.tar" ] || mmdebstrap --quiet --variant=minbase --include=softhsm2,opensc "$release" "$folder/$release.tar"
    rm -rf "$root"
    mkdir "$root"
    tar --extract --file "$folder/$release.tar" --directory "$root"
    mount --bind /proc "$root/proc"
    mount --bind /dev "$root/dev"
    mkdir -p "$root/sastctl/tests/testdata"
    cp -r softhsm-fixtures packaging "$root/sastctl"
    cp -r tests/testdata/golden "$root/sastctl/tests/testdata"
}

done_with() { umount "$1/proc" "$1/dev" 2>/dev/null || true; }

files() { find "$1" -xdev -not -path "$1/proc/*" -not -path "$1/dev/*" -not -path "$1/sastctl/*" -not -path "$1/var/*" -not -path "$1/tmp/*" -not -path "$1/root/*" | sort; }

# Runs a command and prints a cell of the table: ok, or FAILED and the last line of the output.
step() {
    local log=$1
    shift
    if "$@" >"$log" 2>&1; then
        printf ' ok |'
    else
        failed=1
        printf ' FAILED: %s |' "$(tail -n 1 "$log")"
    fi
}

inside() {
    local root=$1
    shift
    chroot "$root" env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LC_ALL=C.UTF-8 TZ=UTC sh -c "$*"
}

use() {
    local root=$1 log=$2
    step "$log-version" inside "$root" 'sastctl --version --verbose | grep -q "^sastctl "'
    # There is no token yet, so doctor reports a problem and exits with 1. Its output must name the module.
    step "$log-doctor" inside "$root" 'sastctl doctor --profile softhsm > /tmp/doctor; code=$?; cat /tmp/doctor; [ $code -le 1 ] && grep -qi softhsm /tmp/doctor'
    step "$log-list" inside "$root" 'cd /sastctl && eval "$(softhsm-fixtures/make-tokens.sh /tmp/tokens)" && sastctl token list | grep SAST-ADN008580ef'
    step "$log-revert" inside "$root" 'cd /sastctl && packaging/demo.sh demo && cmp demo/CTLFile.new.tlv tests/testdata/golden/token-signed.tlv'
    step "$log-man" inside "$root" 'ls /usr/share/man/man1/sastctl.1.gz /usr/share/bash-completion/completions/sastctl /usr/lib/udev/rules.d/60-sastctl-tokens.rules'
}

# Makes the same package with a later version, for the upgrade.
later_deb() {
    local work=$folder/later
    rm -rf "$work"
    dpkg-deb --raw-extract "$deb" "$work"
    sed -i 's/^Version: .*/&+later/' "$work/DEBIAN/control"
    dpkg-deb --root-owner-group --build "$work" "$folder/later.deb" >/dev/null
    rm -rf "$work"
}

# Unpacks the image and runs its program in it. The image has no shell.
image() {
    local root=$folder/image layers=$folder/layers log=$folder/image-log archive layer
    archive=$(echo "$PWD"/target/dist/*-image.tar.gz)
    [ -e "$archive" ] || { printf '| image | skipped: make dist made none |\n'; return; }
    rm -rf "$root" "$layers"
    mkdir "$root" "$layers"
    tar --extract --file "$archive" --directory "$layers"
    for layer in $(jq -r '.[0].Layers[]' "$layers/manifest.json"); do
        tar --extract --file "$layers/$layer" --directory "$root"
    done
    cp tests/testdata/golden/token-signed.tlv "$root/data"
    printf '| image | |'
    step "$log-install" test -x "$root/usr/bin/sastctl"
    step "$log-version" chroot "$root" /usr/bin/sastctl --version --verbose
    step "$log-doctor" run_doctor chroot "$root" /usr/bin/sastctl
    printf ' no module | no module |'
    step "$log-files" chroot "$root" /usr/bin/sastctl ctl verify /data/token-signed.tlv
    printf ' | |\n'
}

# There is no module, so doctor must report a problem and exit with 1.
run_doctor() {
    local code=0
    "$@" doctor || code=$?
    [ $code = 1 ]
}

later_deb
printf '| root | glibc | install | version | doctor | list | revert | files | upgrade | remove |\n|%s\n' "$(printf ' --- |%.0s' {1..10})"
for release in $roots; do
    [ "$release" != image ] || { image; continue; }
    root=$folder/$release log=$folder/$release-log
    base=$release
    [ "$release" != rpm ] || base=bullseye
    if ! fresh "$base" "$root" 2>"$log-fresh"; then
        printf '| %s | skipped: %s |\n' "$release" "$(tail -n 1 "$log-fresh")"
        done_with "$root"
        continue
    fi
    trap 'done_with "$root"' EXIT
    files "$root" >"$log-before"
    printf '| %s | %s |' "$release" "$(inside "$root" 'ldd --version' | head -n 1 | grep -o '[0-9.]*$')"
    if [ "$release" = rpm ]; then
        # Debian has no packages to make the root of an RPM system, so rpm of this system installs into a root of Debian 11.
        step "$log-install" rpm --root "$root" --install --nodeps "$rpm"
        use "$root" "$log"
        step "$log-upgrade" rpm --root "$root" --upgrade --replacepkgs --nodeps "$rpm"
        step "$log-remove" rpm --root "$root" --erase sastctl
    else
        cp "$deb" "$root/tmp/sastctl.deb"
        cp "$folder/later.deb" "$root/tmp/later.deb"
        step "$log-install" inside "$root" 'dpkg --install /tmp/sastctl.deb'
        use "$root" "$log"
        step "$log-upgrade" inside "$root" 'dpkg --install /tmp/later.deb && dpkg -s sastctl | grep -q "Version: .*later"'
        step "$log-remove" inside "$root" 'dpkg --purge sastctl'
    fi
    files "$root" >"$log-after"
    if ! diff "$log-before" "$log-after" >"$log-trace"; then
        failed=1
        printf ' LEFT BEHIND: %s' "$(grep -c '^[<>]' "$log-trace")"
    fi
    printf '\n'
    done_with "$root"
done
exit $failed
