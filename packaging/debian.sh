#!/bin/sh
# Downloads packages of another Debian release into FOLDER, which is emptied first. It changes nothing else on this system.
#   debian.sh download RELEASE COMPONENT "PACKAGE[=VERSION]..." FOLDER    packages; VERSION may end in *
#   debian.sh source RELEASE COMPONENT PACKAGE FOLDER                     the source of one package, unpacked
set -eu
what=$1 release=$2 component=$3 packages=$4 folder=$5
rm -rf "$folder"
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
kind=deb
[ "$what" = download ] || kind=deb-src
# Download from the mirror that this system uses.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
echo "$kind [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release $component" >"$folder/sources.list"
apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$folder/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State="$folder" \
        -o Dir::State::status=/dev/null -o Dir::Cache="$folder/cache" -o APT::Sandbox::User=root "$@"
}
apt update
cd "$folder"
if [ "$what" = download ]; then
    # shellcheck disable=SC2086
    apt download $packages >&2
else
    # Only the original source is used; Debian's patches are not needed.
    apt source --download-only "$packages" >&2 || true
    tar xf ./*.orig.tar.*
fi
