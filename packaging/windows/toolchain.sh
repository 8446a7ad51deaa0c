# The toolchain for Windows; read by packaging/windows.sh and packaging/dist/functions.sh.
# shellcheck shell=bash

target=x86_64-pc-windows-gnu

# Sets `cargo` to a command that builds for Windows. The standard library is that of rustup, else it is built from the sources
# of the same version in Debian's packages, in a copy of the toolchain below PLACE.
windows_cargo() { # PLACE
    local version toolchain
    cargo=(cargo)
    if [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ] || rustup target add "$target" >/dev/null 2>&1; then
        return
    fi
    version=$(rustc --version | cut -d ' ' -f 2)
    toolchain=$1/toolchain-$version
    if ! [ -d "$toolchain/lib/rustlib/src/rust/library" ]; then
        rm -rf "$toolchain"
        packaging/debian.sh download trixie-backports main "rust-src=$version*" "$1/rust-src" || return
        # Links are not allowed everywhere.
        cp -al "$(rustc --print sysroot)" "$toolchain" 2>/dev/null || cp -a "$(rustc --print sysroot)/." "$toolchain"
        mkdir -p "$toolchain/lib/rustlib/src/rust"
        dpkg-deb --extract "$1"/rust-src/rust-src_*.deb "$1/rust-src/files"
        cp -a "$1"/rust-src/files/usr/src/rustc-*/library "$toolchain/lib/rustlib/src/rust"
        rm -rf "$1/rust-src"
    fi
    export RUSTC_BOOTSTRAP=1 RUSTC=$toolchain/bin/rustc
    cargo=("$toolchain/bin/cargo" -Zbuild-std=std,panic_unwind)
}
