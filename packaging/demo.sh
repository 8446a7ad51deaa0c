#!/bin/sh
# Runs the main job on a sample cluster with two software eTokens: reverts a tokenless CTL, and compares the result with a
# sample of the CTL Client's file. Needs sastctl on PATH.
set -eu

cd "$(dirname -- "$0")/.."
demo=${1:-demo}
rm -rf -- "$demo"
mkdir -p -- "$demo/certs"

environment=$(softhsm-fixtures/make-tokens.sh "$demo/hsm")
eval "$environment"
SAST_PIN=Cisco123 # the factory PIN of Cisco's tokens; the PIN of a real token is asked for
SASTCTL_PIN_SOURCE=env:SAST_PIN
TZ=${TZ:-UTC}
export SAST_PIN SASTCTL_PIN_SOURCE TZ
cp tests/testdata/golden/tokenless.tlv "$demo/CTLFile.tlv"
cd "$demo"
XDG_STATE_HOME=$(pwd)/state
export XDG_STATE_HOME

run() {
    printf '\n$ sastctl'
    for word in "$@"; do
        case $word in
        *' '*) printf ' "%s"' "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    sastctl "$@"
}

echo "A tokenless cluster goes back to eTokens. These are the tokens (made by SoftHSM for this demonstration):"
run token list

echo
echo "Their certificates, which must first be uploaded as Phone-SAST-trust:"
run cert export --all --out certs -q

echo
echo "The new list, signed on the token:"
run revert CTLFile.tlv --token SAST-ADN008580ef --spare SAST-ADN0054f509 \
    --timestamp 2015-03-06T22:53:33+01:00 --out CTLFile.new.tlv --yes -q 2>&1

run journal show --html page.html

printf '\n$ sastctl ctl show CTLFile.new.tlv        (both checksums and the record of the signer)\n'
sastctl ctl show CTLFile.new.tlv | awk '
    NR <= 3 { print }
    /Record #:/ { record = "" }
    { record = record $0 "\n" }
    /^This etoken was used to sign/ { printf "\n%s", record }'

run ctl verify CTLFile.new.tlv

if cmp -s CTLFile.new.tlv ../tests/testdata/golden/token-signed.tlv; then
    echo "The file equals, byte for byte, the sample of the CTL Client's file for this cluster (tests/testdata/golden/token-signed.tlv)."
else
    echo "The file does NOT equal the sample of the CTL Client's file for this cluster."
    exit 1
fi
cat <<END

The files are in $(pwd); page.html is what goes into the change ticket.
On a real cluster, next: upload certs/*.cer as Phone-SAST-trust; put CTLFile.new.tlv on every TFTP node; restart
Cisco Tftp, then Cisco CallManager, on every node that runs them; reset the phones; compare the checksum above with
the one on a phone. The old list stays in CTLFile.tlv.
END

# Starts a shell for the commands of the README, and a file server in place of the one of a node.
if ! [ -t 0 ] || ! [ -t 1 ]; then
    printf 'To go on here:\n  export SOFTHSM2_CONF=%s SASTCTL_PROFILE=softhsm\n' "$SOFTHSM2_CONF"
    exit
fi
mkdir try node
cp ../tests/testdata/golden/tokenless.tlv node/CTLFile.tlv
cp ../tests/testdata/golden/itl.tlv node/ITLFile.tlv
if command -v python3 >/dev/null; then
    python3 -m http.server 6970 --bind 127.0.0.1 --directory node >/dev/null 2>&1 &
    server=$!
    trap 'kill "$server" 2>/dev/null' EXIT
else
    echo "python3 is missing: cluster fetch has nothing to fetch from; cp ../node/*.tlv instead"
fi
cat <<END

Now you: a shell for "Your first ten minutes" in README.md. NODE is a file server on this machine; the PIN of both
tokens is Cisco123; sastctl help lists the guide's pages. exit leaves, and keeps the files in $demo/try.
END
unset SAST_PIN SASTCTL_PIN_SOURCE
NODE=127.0.0.1
PS1='demo (exit leaves) $ '
export NODE PS1
cd try
if command -v bash >/dev/null; then bash --norc --noprofile -i; else sh -i; fi || :
