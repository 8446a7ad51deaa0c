#!/usr/bin/env bash
# Builds SoftHSM for Windows: softhsm.sh SOURCE OPENSSL OUT.dll. SOURCE is SoftHSM's source, OPENSSL a static OpenSSL for
# x86_64-pc-windows-gnu (include/ and lib/).
set -euo pipefail
source=$1 openssl=$2 out=$3
build=$(dirname "$out")/softhsm-build
mkdir -p "$build"
cat >"$build/config.h" <<'END'
#define HAVE_LOADLIBRARY 1
#define WITH_OPENSSL 1
#define WITH_ECC 1
#define WITH_EDDSA 1
#define WITH_RAW_PSS 1
#define HAVE_AES_KEY_WRAP 1
#define HAVE_AES_KEY_WRAP_PAD 1
#define DEFAULT_OBJECTSTORE_BACKEND "file"
#define DEFAULT_LOG_LEVEL "INFO"
#define DEFAULT_SOFTHSM2_CONF "softhsm2.conf"
#define DEFAULT_TOKENDIR "tokens"
#define DEFAULT_PKCS11_LIB "softhsm2.dll"
#define MIN_PIN_LEN 4
#define MAX_PIN_LEN 255
#define PACKAGE "softhsm"
#define PACKAGE_NAME "SoftHSM"
#define PACKAGE_STRING "SoftHSM 2.6.1"
#define PACKAGE_VERSION "2.6.1"
#define VERSION "2.6.1"
#define VERSION_MAJOR 2
#define VERSION_MINOR 6
END
flags=(-O1 -w -fpermissive -D_WIN32_WINNT=0x0600 -DCRYPTOKI_EXPORTS -DHAVE_CONFIG_H -DNOMINMAX -DWIN32_LEAN_AND_MEAN -DWIN32_LEAN_AND_MEAN
    -include winsock2.h -include windows.h -I"$build" -I"$openssl/include")
for folder in "$source"/src/lib "$source"/src/lib/{common,crypto,data_mgr,handle_mgr,object_store,pkcs11,session_mgr,slot_mgr,win32}; do
    flags+=(-I"$folder")
done
objects=()
todo=()
while IFS= read -r file; do
    object=$build/$(basename "$file").o
    objects+=("$object")
    [ "$object" -nt "$file" ] || todo+=("$file")
done < <(find "$source/src/lib" \( -name '*.cpp' -o -name '*.cc' \) ! -path '*/test/*' ! -name 'Botan*' ! -name '*GOST*' ! -name 'DB*')
printf '%s\0' "${todo[@]}" |
    xargs -0 -r -P "$(nproc)" -I FILE sh -c 'file=$1; shift; x86_64-w64-mingw32-g++ "$@" -c "$file" -o "'"$build"'/$(basename "$file").o"' sh FILE "${flags[@]}"
x86_64-w64-mingw32-g++ -shared -static -o "$out" "${objects[@]}" -L"$openssl/lib" -lcrypto -lws2_32 -lgdi32 -lcrypt32 -luser32 -ladvapi32
