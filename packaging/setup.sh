#!/bin/sh
# Installs the tools and libraries that are missing for building sastctl. On Debian, Ubuntu and Fedora it does not ask, and
# uses root or sudo. On other systems it prints what to install, and continues. An argument adds the tools for one task:
# `tests` servers and modules for the tests, `matrix` for building another module, `bench` for measuring, `dist` for making
# packages, `roots` for testing them, `windows` for building for Windows, `usb` for the virtual machine with USB tokens.
set -eu

say() { printf 'setup: %s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "this command needs root, and sudo is not installed: $*"
        exit 1
    fi
}

case ${1:-} in
tests)
    more_debian="openssh-server openssh-client tftpd-hpa pcscd vsmartcard-vpcd python3 python3-cryptography openssl"
    more_debian="$more_debian opencryptoki libtpm2-pkcs11-1 swtpm swtpm-tools libtss2-tcti-swtpm0 libnss3 libnss3-tools"
    more_debian="$more_debian p11-kit p11-kit-modules ykcs11 strace time mandoc zsh fish"
    more_fedora="openssh-server openssh-clients tftp-server pcsc-lite python3 python3-cryptography openssl"
    more_fedora="$more_fedora opencryptoki tpm2-pkcs11 swtpm swtpm-tools nss-tools p11-kit-server yubico-piv-tool strace time mandoc zsh fish"
    ;;
matrix) more_debian="libclang-dev" more_fedora="clang-devel" ;;
dist) more_debian="dpkg-dev rpm perl make git jq zip python3-venv openssh-client" more_fedora="dpkg rpm-build perl make git jq zip python3 openssh-clients" ;;
usb) more_debian="qemu-system-x86 mmdebstrap cpio kmod" more_fedora="qemu-system-x86 cpio kmod" ;;
windows) more_debian="gcc-mingw-w64-x86-64 g++-mingw-w64-x86-64 mmdebstrap perl make" more_fedora="mingw64-gcc mingw64-gcc-c++ perl make" ;;
roots) more_debian="mmdebstrap rpm jq" more_fedora="rpm jq" ;;
bench) more_debian="hyperfine time tftp-hpa" more_fedora="hyperfine time tftp" ;;
*) more_debian="" more_fedora="" ;;
esac
debian_packages="gcc libc6-dev pkg-config libpcsclite-dev libssl-dev softhsm2 opensc ca-certificates curl util-linux $more_debian"
fedora_packages="gcc glibc-devel pkgconf-pkg-config pcsc-lite-devel openssl-devel softhsm opensc ca-certificates curl util-linux $more_fedora"

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    missing=
    for package in $debian_packages; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    if [ -n "$missing" ]; then
        say "installing$missing"
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update
        # shellcheck disable=SC2086
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >&2
    fi
elif command -v dnf >/dev/null && command -v rpm >/dev/null; then
    missing=
    for package in $fedora_packages; do
        rpm -q "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
    if [ -n "$missing" ]; then
        say "installing$missing"
        # shellcheck disable=SC2086
        as_root dnf -q -y install $missing >&2
    fi
else
    for tool in cc pkg-config softhsm2-util pkcs11-tool; do
        command -v "$tool" >/dev/null || say "$tool is missing"
    done
    say "this system is not supported here: install a C compiler, pkg-config, the pcsc-lite and OpenSSL headers, SoftHSM 2 and OpenSC"
    say "macOS: brew install pkg-config openssl softhsm opensc; Arch: pacman -S base-devel pcsclite openssl softhsm opensc"
fi

# Rust in the version that Cargo.toml declares, or a later one.
needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
new_enough() {
    have=$(cargo --version 2>/dev/null | sed -n 's/^cargo \([0-9]*\.[0-9]*\).*/\1/p')
    [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$needed" "$have" | sort -V | head -n 1)" = "$needed" ]
}
if [ -d "$HOME/.cargo/bin" ]; then
    PATH="$HOME/.cargo/bin:$PATH"
    export PATH
fi
if ! new_enough; then
    say "installing Rust ($needed or later is needed) with rustup, for this user"
    if ! command -v rustup >/dev/null; then
        if command -v apt-get >/dev/null && apt-cache show rustup >/dev/null 2>&1; then
            as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends rustup >&2
        else
            curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal >&2
            PATH="$HOME/.cargo/bin:$PATH"
        fi
    fi
    rustup toolchain install stable --profile minimal >&2
    rustup default stable >&2
    new_enough || {
        say "cargo $needed or later is still missing; see https://rustup.rs"
        exit 1
    }
fi
