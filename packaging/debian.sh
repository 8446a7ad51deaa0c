#!/bin/sh
# Fetches packages of another Debian release, without a change to this system: debian.sh download RELEASE COMPONENT
# "PACKAGE[=VERSION]..." FOLDER, or the source of one: debian.sh source RELEASE COMPONENT PACKAGE FOLDER. VERSION may end in *.
set -eu
what=$1 release=$2 component=$3 packages=$4 folder=$5
rm -rf "$folder"
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
kind=deb
[ "$what" = download ] || kind=deb-src
# The mirror of this system.
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
    # What Debian changes is not needed.
    apt source --download-only "$packages" >&2 || true
    tar xf ./*.orig.tar.*
fi
