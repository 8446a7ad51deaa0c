# The toolchain and OpenSSL for Windows; sourced by packaging/windows.sh and packaging/dist/functions.sh.
# shellcheck shell=bash

target=x86_64-pc-windows-gnu

# Sets `cargo` to a command that builds for Windows. If rustup has no standard library for Windows, cargo builds it from
# Debian's package rust-src of the same version, which is added to a copy of the toolchain below PLACE.
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
        # Hard links save disk space; where they are not possible, the files are copied.
        cp -al "$(rustc --print sysroot)" "$toolchain" 2>/dev/null || cp -a "$(rustc --print sysroot)/." "$toolchain"
        mkdir -p "$toolchain/lib/rustlib/src/rust"
        dpkg-deb --extract "$1"/rust-src/rust-src_*.deb "$1/rust-src/files"
        cp -a "$1"/rust-src/files/usr/src/rustc-*/library "$toolchain/lib/rustlib/src/rust"
        rm -rf "$1/rust-src"
    fi
    export RUSTC_BOOTSTRAP=1 RUSTC=$toolchain/bin/rustc
    cargo=("$toolchain/bin/cargo" -Zbuild-std=std,panic_unwind)
}

# The folder of the OpenSSL below PLACE; its version is that of the crate openssl-src.
windows_openssl_folder() { # PLACE
    echo "$1/openssl-$(sed -n '/^name = "openssl-src"/,/^$/s/^version = ".*+\(.*\)"/\1/p' Cargo.lock)"
}

# Sets `openssl` to the variables with which cargo links the OpenSSL below PLACE; builds this OpenSSL if it is not there.
windows_openssl() { # PLACE
    local folder crate
    folder=$(windows_openssl_folder "$1")
    if ! [ -d "$folder" ]; then
        crate=$(cargo metadata --locked --format-version 1 --features vendored-openssl | grep -o '[^"]*/openssl-src-[^"/]*/Cargo.toml' | head -n 1)
        packaging/windows/openssl.sh "$(dirname "$crate")/openssl" "$folder" || return
    fi
    openssl=(X86_64_PC_WINDOWS_GNU_OPENSSL_DIR="$folder" X86_64_PC_WINDOWS_GNU_OPENSSL_STATIC=1 X86_64_PC_WINDOWS_GNU_OPENSSL_NO_VENDOR=1)
}
