#!/usr/bin/env bash
# Runs the most important stories with sastctl.exe and softhsm2.dll of /sastctl under wine. Prints one line for each; if a
# story failed, with the end of its output. Runs inside the root that packaging/windows.sh makes.
set -uo pipefail
export WINEPREFIX=/root/wine WINEDEBUG=-all HOME=/root LC_ALL=C.UTF-8 TZ=UTC
cd /sastctl || exit
failed=0

sastctl() { wine /sastctl/sastctl.exe "$@"; }
# Prints the output of a program without carriage returns.
said() { tr -d '\r' <"$1"; }

# Runs one story. Its exit code is read afterwards, because `set -e` has no effect in a condition of `if`.
# STORIES="list access" runs only these stories.
story() { # NAME FUNCTION
    case " ${STORIES:-$2} " in *" $2 "*) ;; *) return ;; esac
    (
        set -e
        "$2"
    ) >/tmp/said 2>&1
    if [ $? = 0 ]; then
        printf '| %-44s | ok |\n' "$1"
    else
        failed=1
        printf '| %-44s | FAILED: %s |\n' "$1" "$(said /tmp/said | tail -n 3 | tr '\n|' ' /')"
    fi
}

# Fails if the command does not fail.
refused() {
    if "$@"; then
        echo "not refused: $*"
        return 1
    fi
}

fresh() {
    rm -rf run hsm
    mkdir run hsm
    softhsm-fixtures/make-tokens.sh /sastctl/hsm >/dev/null
    softhsm2-util --init-token --free --label HSM --pin Cisco123 --so-pin 12345678 >/dev/null
    printf 'directories.tokendir = Z:/sastctl/hsm/tokens\nobjectstore.backend = file\n' >hsm/windows.conf
    cp tests/testdata/golden/tokenless.tlv run/CTLFile.tlv
    cd run
}

setup() {
    SOFTHSM2_CONF=/sastctl/hsm/softhsm2.conf fresh
    export SOFTHSM2_CONF='Z:\sastctl\hsm\windows.conf' SASTCTL_MODULE='Z:\sastctl\softhsm2.dll'
    export SAST_PIN=Cisco123 SASTCTL_PIN_SOURCE=env:SAST_PIN
}

revert=(revert CTLFile.tlv --token SAST-ADN008580ef --spare SAST-ADN0054f509 --timestamp 2015-03-06T22:53:33+01:00)

version() {
    sastctl --version --verbose >/tmp/out
    said /tmp/out | grep -q 'x86_64-pc-windows-gnu'
    said /tmp/out | grep -q '^features .*vendored-openssl'
    said /tmp/out | grep -q '^OpenSSL .*, built in$'
}
list() {
    setup
    sastctl token list >/tmp/out
    said /tmp/out | grep -q SAST-ADN008580ef
}
export_all() {
    setup
    sastctl cert export --all --out certs
    cmp certs/SAST-ADN008580ef.cer ../softhsm-fixtures/SAST-ADN008580ef.der
}
golden() {
    setup
    sastctl "${revert[@]}" --yes
    cmp CTLFile.new.tlv ../tests/testdata/golden/token-signed.tlv
}
in_place() {
    setup
    sastctl "${revert[@]}" --yes --in-place
    cmp CTLFile.tlv ../tests/testdata/golden/token-signed.tlv
    cmp CTLFile.tlv.bak ../tests/testdata/golden/tokenless.tlv
}
journal() {
    setup
    rm -rf /root/wine/drive_c/users/*/AppData/Local/sastctl
    sastctl "${revert[@]}" --yes
    ls /root/wine/drive_c/users/*/AppData/Local/sastctl/*.jsonl
    sastctl journal verify
    sastctl journal show --html page.html
    grep -q '<!doctype html>' page.html
}
change() {
    setup
    cp ../tests/testdata/golden/token-signed.tlv CTLFile.tlv
    sastctl ctl update CTLFile.tlv --token SAST-ADN008580ef --set-mode non-secure --yes
    sastctl ctl sign CTLFile.tlv --token SAST-ADN0054f509 --yes --out signed.tlv
    sastctl ctl verify CTLFile.new.tlv signed.tlv
}
pin() {
    setup
    NEW_PIN=87654321 sastctl token change-pin SAST-ADN008580ef --new-pin-source env:NEW_PIN
    SAST_PIN=87654321 sastctl "${revert[@]}" --yes
    refused sastctl ctl sign CTLFile.new.tlv --token SAST-ADN008580ef --yes --out again.tlv
}
enroll() {
    setup
    sastctl cert enroll HSM --name SAST-HSM-01 --out hsm.cer --yes
    sastctl revert CTLFile.tlv --token SAST-HSM-01 --spare SAST-ADN0054f509 --yes
    sastctl ctl verify CTLFile.new.tlv
}
# The PIN is typed at a console; the console must not show it.
prompt() {
    setup
    unset SASTCTL_PIN_SOURCE
    python3 /sastctl/packaging/windows/console.py PIN Cisco123 wine /sastctl/sastctl.exe "${revert[@]}" --yes >/tmp/console
    refused grep -q Cisco123 /tmp/console
    cmp CTLFile.new.tlv ../tests/testdata/golden/token-signed.tlv
}
interrupted() {
    setup
    unset SASTCTL_PIN_SOURCE
    refused python3 /sastctl/packaging/windows/console.py PIN $'\x03' wine /sastctl/sastctl.exe "${revert[@]}" --yes >/tmp/console
    said /tmp/console | grep -q 'interrupted; nothing was written'
    refused [ -e CTLFile.new.tlv ]
}
# Puts faulty-token between sastctl and SoftHSM: it misbehaves as SCRIPT says.
faulty() { # SCRIPT
    setup
    export SASTCTL_MODULE='Z:\sastctl\faulty_token.dll' FAULTY_MODULE='Z:\sastctl\softhsm2.dll'
    export FAULTY_CALLS='Z:\sastctl\run\calls' FAULTY_SCRIPT=$1
}
# Ctrl-C while the token signs: the token is logged out, no incomplete file is left, the journal verifies, and the next run
# makes the golden file. Ctrl-Break cannot be tested, because wine calls no handler for it.
while_it_signs() {
    local code=0
    faulty 'delay C_Sign 1 3000'
    rm -rf /root/wine/drive_c/users/*/AppData/Local/sastctl
    python3 ../packaging/windows/console.py calls $'\x03' wine /sastctl/sastctl.exe "${revert[@]}" --yes >/tmp/console || code=$?
    said /tmp/console
    cat calls
    [ $code = 130 ]
    said /tmp/console | grep -q interrupted
    [ "$(grep -c '^C_Login 0x0' calls)" = 1 ]
    [ "$(grep -c '^C_Logout 0x0' calls)" = 1 ]
    [ -e CTLFile.new.tlv ] || said /tmp/console | grep -q 'nothing was written'
    unset FAULTY_SCRIPT
    sastctl journal verify
    [ -e CTLFile.new.tlv ] || sastctl "${revert[@]}" --yes
    cmp CTLFile.new.tlv ../tests/testdata/golden/token-signed.tlv
}
watch() {
    faulty 'present Z:/sastctl/run/present'
    mkdir present
    sastctl token watch --json --count 2 >events 2>told &
    until grep -q Watching told; do sleep 0.1; done
    touch 'present/SAST token A'
    timeout 20 sh -c 'until grep -q inserted events; do sleep 0.1; done'
    rm 'present/SAST token A'
    wait %1
    said events | grep inserted | grep -q SAST-ADN008580ef
    said events | grep -q removed
}
# Paths that are longer than MAX_PATH (260 characters).
long() {
    setup
    local part folder windows
    part=$(printf 'x%.0s' {1..120})
    folder=$part/$part/$part
    windows=${folder//\//\\}
    mkdir -p "$folder"
    cp CTLFile.tlv "$folder"
    sastctl revert "Z:\\sastctl\\run\\$windows\\CTLFile.tlv" "${revert[@]:2}" --yes --in-place
    cmp "$folder/CTLFile.tlv" ../tests/testdata/golden/token-signed.tlv
    cmp "$folder/CTLFile.tlv.bak" ../tests/testdata/golden/tokenless.tlv
    sastctl ctl verify "$windows\\CTLFile.tlv"
    [ "$(ls -A "$folder" | wc -l)" = 2 ]
}
together() {
    setup
    cp ../tests/testdata/golden/token-signed.tlv CTLFile.tlv
    sastctl ctl sign CTLFile.tlv --token SAST-ADN008580ef --yes --out one.tlv &
    sastctl ctl sign CTLFile.tlv --token SAST-ADN008580ef --yes --out two.tlv
    wait %1
    sastctl ctl verify one.tlv two.tlv
}
# wine derives the access control list of a file from its mode on Unix, and the account from its owner.
access() {
    setup
    mkdir open
    cp ../softhsm2.dll open
    export SASTCTL_MODULE='Z:\sastctl\run\open\softhsm2.dll'
    sastctl token list
    chmod 777 open/softhsm2.dll
    refused sastctl token list >/tmp/out 2>&1
    said /tmp/out | grep -q 'may write .*softhsm2.dll'
    chmod 755 open/softhsm2.dll
    chmod 777 open
    refused sastctl token list >/tmp/out 2>&1
    said /tmp/out | grep -q 'may write .*open, and'
    chmod 755 open
    chown 65534 open/softhsm2.dll
    refused sastctl token list >/tmp/out 2>&1
    said /tmp/out | grep -q 'may write .*softhsm2.dll'
    chown 0 open/softhsm2.dll
    sastctl token list
}
pin_file() {
    setup
    echo Cisco123 >pin
    chmod 644 pin
    SASTCTL_PIN_SOURCE=file:pin sastctl "${revert[@]}" --yes >/tmp/out 2>&1
    said /tmp/out | grep -q 'can be read by others: icacls'
    chmod 600 pin
    SASTCTL_PIN_SOURCE=file:pin sastctl "${revert[@]}" --yes --force >/tmp/out 2>&1
    refused grep -q icacls /tmp/out
}
names() {
    setup
    mkdir 'Größe 漢字'
    cp CTLFile.tlv 'Größe 漢字/CTLFile.tlv'
    sastctl ctl verify 'Größe 漢字\CTLFile.tlv'
    sastctl "${revert[@]/CTLFile.tlv/Größe 漢字\\CTLFile.tlv}" --yes
    cmp 'Größe 漢字/CTLFile.new.tlv' ../tests/testdata/golden/token-signed.tlv
}
doctor() {
    setup
    sastctl doctor --profile softhsm >/tmp/out || true
    said /tmp/out | grep -q 'softhsm2.dll'
}
remote() {
    setup
    unset SASTCTL_MODULE
    # wine sets SESSIONNAME at its start, so it is changed by cmd inside wine.
    wine cmd /c 'set SESSIONNAME=RDP-Tcp#0&& Z:\sastctl\sastctl.exe doctor --profile safenet-etoken' >/tmp/out || true
    said /tmp/out | grep -q 'this is a Remote Desktop session'
    sastctl doctor --profile safenet-etoken >/tmp/out || true
    refused grep -q 'Remote Desktop' /tmp/out
}

# wine's winscard.dll asks pcscd for readers; this story starts its own pcscd.
readers() {
    setup
    printf "name = 'by-pcsc'\ndescription = 'SoftHSM beside readers'\nwait = 'pcsc'\n[paths]\nwindows = ['Z:/sastctl/softhsm2.dll']\n" >by-pcsc.toml
    mkdir serial
    mkfifo commands
    unshare -n python3 ../virtual-card/readers.py "$PWD/serial" 'AKS ifdh' <commands >told &
    exec 8>commands
    until grep -q ready told; do sleep 0.1; done
    export PCSCLITE_CSOCK_NAME=$PWD/serial/pcsc.sock
    unset SASTCTL_MODULE
    sastctl doctor --profile by-pcsc.toml >/tmp/out || true
    said /tmp/out | grep -q 'AKS ifdh 00 00: empty'
    local key=/sastctl/softhsm-fixtures/SAST-ADN008580ef
    echo "insert 0 000102030405060708090A0B0C0D0E0F 3BD518008131FE7D8073C82110F4 piv 9A=$key.key.pem:$key.der" >&8
    until grep -q 'seen inserted' told; do sleep 0.1; done
    sastctl doctor --profile by-pcsc.toml >/tmp/out || true
    exec 8>&-
    said /tmp/out | grep -q 'AKS ifdh 00 00: a card, eToken 5100 or 5110'
}

printf '| story | |\n| --- | --- |\n'
story 'version, features and OpenSSL are printed' version
story 'tokens are listed' list
story 'certificates are exported' export_all
story 'revert: equal to the golden file' golden
story 'in place: the old file is kept' in_place
story 'the journal is in LOCALAPPDATA, and verifies' journal
story 'update and sign' change
story 'a PIN is changed; the old one is refused' pin
story 'a key is enrolled, and signs' enroll
story 'a PIN is typed at a console' prompt
story 'Ctrl-C at the PIN: nothing is written' interrupted
story 'Ctrl-C while the token signs' while_it_signs
story 'two at once' together
story 'watch: a token is inserted and removed' watch
story 'a module that others may write is refused' access
story 'a PIN file that others may read: a warning' pin_file
story 'paths of more than 260 characters' long
story 'names that are not ASCII' names
story 'doctor' doctor
story 'doctor reports Remote Desktop' remote
story 'readers and a card through winscard' readers
wineserver --kill
exit $failed
