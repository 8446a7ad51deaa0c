#!/usr/bin/env bash
# Builds a static OpenSSL for x86_64-pc-windows-gnu: openssl.sh SOURCE OUT. SOURCE is OpenSSL's source; OUT gets include/ and
# lib/. The same source makes the same bytes in any folder. It takes about five minutes on two cores.
set -euo pipefail
source=$1 out=$2
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
cp -r "$source/." "$build"
cd "$build"
# The time of the build, and the user's flags, would be in the library.
export SOURCE_DATE_EPOCH=0 LC_ALL=C
unset CC CFLAGS CPPFLAGS LDFLAGS
quiet() {
    "$@" >log 2>&1 || { tail -n 20 log >&2; exit 1; }
}
# The options of the crate openssl-src, but no openssl.cnf is read.
quiet ./Configure mingw64 --cross-compile-prefix=x86_64-w64-mingw32- --prefix=/openssl --libdir=lib no-autoload-config no-shared \
    no-module no-tests no-apps no-docs no-comp no-zlib no-ssl3 no-md2 no-rc5 no-weak-ssl-ciphers no-camellia no-idea no-seed \
    no-capieng no-quic -Wa,-mbig-obj
# Configure takes no path of Windows. Below C:/Program Files only administrators can write.
installed='C:/Program Files/OpenSSL'
quiet make --jobs="$(nproc)" build_libs OPENSSLDIR="$installed/ssl" ENGINESDIR="$installed/engines" \
    MODULESDIR="$installed/modules"
quiet make install_dev DESTDIR="$build/installed"
mkdir -p "$(dirname "$out")"
rm -rf "$out"
cp -r "$build/installed/openssl" "$out"
