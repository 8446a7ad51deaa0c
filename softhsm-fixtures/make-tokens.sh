#!/bin/sh
# Makes two software eTokens in a folder, from the keys and certificates beside this script, and prints the environment
# to use them:
#
#     eval "$(softhsm-fixtures/make-tokens.sh DIR)"; sastctl token list
#
# The keys are public: these tokens are for tests and demonstrations only.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: make-tokens.sh DIR" >&2
    exit 2
fi
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
mkdir -p -- "$1"
dir=$(CDPATH='' cd -- "$1" && pwd)
if [ -e "$dir/tokens" ]; then
    echo "make-tokens.sh: $dir/tokens already exists" >&2
    exit 1
fi

for tool in softhsm2-util pkcs11-tool; do
    if ! command -v "$tool" >/dev/null; then
        echo "make-tokens.sh: $tool is missing (Debian: softhsm2 opensc; Fedora: softhsm opensc; macOS: brew install softhsm opensc)" >&2
        exit 1
    fi
done
module=
for path in ${SOFTHSM2_MODULE:-} /usr/lib/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so \
    /usr/lib64/softhsm/libsofthsm.so /usr/lib/*/softhsm/libsofthsm2.so /usr/local/lib/softhsm/libsofthsm2.so \
    /opt/homebrew/lib/softhsm/libsofthsm2.so; do
    if [ -e "$path" ]; then
        module=$path
        break
    fi
done
if [ -z "$module" ]; then
    echo "make-tokens.sh: libsofthsm2.so was not found; set SOFTHSM2_MODULE=PATH" >&2
    exit 1
fi

mkdir "$dir/tokens"
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$dir" >"$dir/softhsm2.conf"
SOFTHSM2_CONF=$dir/softhsm2.conf
export SOFTHSM2_CONF

token() { # LABEL NAME
    {
        softhsm2-util --init-token --free --label "$1" --so-pin 12345678 --pin Cisco123
        softhsm2-util --import "$here/$2.key.pem" --token "$1" --label "$2" --id 01 --pin Cisco123
        pkcs11-tool --module "$module" --token-label "$1" --login --pin Cisco123 \
            --write-object "$here/$2.der" --type cert --id 01 --label "$2"
    } >"$dir/make-tokens.log" 2>&1 || {
        cat "$dir/make-tokens.log" >&2
        exit 1
    }
}
token "SAST token A" SAST-ADN008580ef
token "SAST token B" SAST-ADN0054f509

printf "export SOFTHSM2_CONF='%s'\n" "$SOFTHSM2_CONF"
printf "export SASTCTL_PROFILE=softhsm\n"
