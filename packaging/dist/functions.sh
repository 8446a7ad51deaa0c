# The functions of packaging/dist.sh, which sources this file.
# shellcheck shell=bash

portable=x86_64-unknown-linux-gnu
glibc=2.28
# There is no public address yet; names in .example are reserved (RFC 2606).
maintainer="sastctl maintainers <maintainers@sastctl.example>"
summary="Build, sign and check CTL files for Cisco CUCM, with eTokens or an HSM"

say() { printf 'dist: %s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# The compiler stores paths of source files in the program. Every build runs in this folder, so these paths, and the bytes of
# the program, are the same on every machine.
place=${SASTCTL_DIST_PLACE:-/var/tmp/sastctl-dist}

prepare() {
    packaging/setup.sh dist
    mkdir -p -m 700 "$place"
    [ -O "$place" ] || fail "$place belongs to another user: remove it, or name another folder in SASTCTL_DIST_PLACE"
    exec 9>"$place/lock"
    flock --nonblock 9 || fail "another build uses $place"
    [ -x "$place/tools/bin/cargo-zigbuild" ] || {
        python3 -m venv "$place/tools"
        "$place/tools/bin/pip" install --quiet ziglang==0.15.2 cargo-zigbuild==0.24.1
    }
    rm -rf "$place/source"
    mkdir "$place/source"
    git archive HEAD | tar --extract --directory "$place/source"
}

# Runs a command in the copy of the sources, with the folders of this build. OpenSSL stores the time of its build. It is built
# once and then used for many commits, so the time is 0 and not that of a commit.
in_place() {
    (cd "$place/source" && env -u RUSTFLAGS -u CFLAGS PATH="$place/tools/bin:$PATH" CARGO_HOME="$place/cargo" \
        CARGO_TARGET_DIR="$place/target" CARGO_ZIGBUILD_CACHE_DIR="$place/zig" SOURCE_DATE_EPOCH=0 "$@")
}

# Builds the program for Linux, with OpenSSL built in. It is not linked with libpcsclite: it loads that at the first call.
build_portable() {
    in_place cargo zigbuild --release --locked --features vendored-openssl --target "$portable.$glibc" \
        --config "target.$portable.pcsc.rustc-link-lib = []" --bin sastctl
}

# Sets `cargo` and `openssl` for build_windows, and `target`. Fails if the tools for Windows are not available.
prepare_windows() {
    packaging/setup.sh windows || return
    # shellcheck source=packaging/windows/toolchain.sh
    . packaging/windows/toolchain.sh
    windows_cargo "$place" || { say "Rust's standard library for Windows is not available"; return 1; }
    windows_openssl "${SASTCTL_WINDOWS_PLACE:-${XDG_CACHE_HOME:-$HOME/.cache}/sastctl-windows}"
}

# Builds sastctl.exe, with OpenSSL built in. Call prepare_windows first.
build_windows() {
    in_place "${openssl[@]}" "${cargo[@]}" build --release --locked --features vendored-openssl --target "$target" \
        --bin sastctl --config "target.$target.rustflags = ['-Clink-arg=-Wl,--no-insert-timestamp']"
    unset RUSTC RUSTC_BOOTSTRAP
}

# Copies every file that a package installs to its path below ROOT.
collect() { # PROGRAM ROOT
    local program=$1 root=$2 doc=$2/usr/share/doc/sastctl
    install -D -m 755 "$program" "$root/usr/bin/sastctl"
    "$program" man "$root/usr/share/man/man1" >/dev/null
    mkdir "$root/usr/share/man/man7"
    mv "$root"/usr/share/man/man1/*.7 "$root/usr/share/man/man7"
    gzip -9n "$root"/usr/share/man/man?/*
    mkdir -p "$root"/usr/share/{bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
    "$program" completions bash >"$root/usr/share/bash-completion/completions/sastctl"
    "$program" completions zsh >"$root/usr/share/zsh/vendor-completions/_sastctl"
    "$program" completions fish >"$root/usr/share/fish/vendor_completions.d/sastctl.fish"
    install -D -m 644 udev/60-sastctl-tokens.rules "$root/usr/lib/udev/rules.d/60-sastctl-tokens.rules"
    install -d "$doc/examples"
    "$program" completions powershell >"$doc/examples/sastctl.ps1"
    install -m 644 udev/61-sastctl-tokens-group.rules udev/50-sastctl-pcsc.rules.example "$doc/examples"
    cp -r hsm-profiles "$doc/examples/hsm-profiles"
    install -m 644 README.md docs/*.md "$doc"
    cp -r docs/guide "$doc/guide"
    install -m 644 udev/README.md "$doc/udev.md"
    { cat packaging/dist/copyright && sed 's/^$/./; s/^/ /' LICENSE-MIT; } >"$doc/copyright"
    gzip -9nc CHANGELOG.md >"$doc/changelog.gz"
    find "$root" -type d -exec chmod 755 {} + -o -type f ! -perm -u=x -exec chmod 644 {} +
    find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}

# Packs the folder OUT/NAME as OUT/NAME.tar.gz.
pack_tar() { # OUT NAME
    tar --directory "$1" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --create "$2" |
        gzip -9n >"$1/$2.tar.gz"
}

# Packs PROGRAM, documents, profiles and completions as OUT/NAME.zip. The completions are those below STAGE.
pack_zip() { # PROGRAM STAGE OUT NAME
    local program=$1 stage=$2 out=$3 name=$4 folder=$3/$4
    install -D -m 755 "$program" "$folder/sastctl.exe"
    install -m 644 README.md CHANGELOG.md LICENSE-* "$folder"
    cp -r docs hsm-profiles "$folder"
    mkdir "$folder/completions"
    cp "$stage/usr/share/doc/sastctl/examples/sastctl.ps1" "$folder/completions"
    # For Git Bash.
    cp "$stage/usr/share/bash-completion/completions/sastctl" "$folder/completions/sastctl.bash"
    find "$folder" -type f ! -name '*.exe' -exec chmod 644 {} +
    find "$folder" -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
    (cd "$out" && find "$name" -type f | sort | zip -qX9 "$name.zip" -@)
    rm -rf "$folder"
}

# Downloads the Debian packages with the libraries of the image.
prepare_image() {
    packaging/debian.sh download bookworm main "libc6 libgcc-s1 gcc-12-base libpcsclite1" "$place/packages"
}

# Packs a container image as OUT: the program below STAGE and the libraries that it needs. Call prepare_image first.
pack_image() { # STAGE OUT
    local stage=$1 out=$2 root=$place/image package
    rm -rf "$root"
    mkdir -p "$root"/{data,etc,var/lib/dpkg/status.d}
    for package in "$place"/packages/*.deb; do
        dpkg-deb --extract "$package" "$root"
        # Scanners of images read the names and versions of packages here.
        dpkg-deb --field "$package" >"$root/var/lib/dpkg/status.d/$(dpkg-deb --field "$package" Package)"
    done
    rm -rf "$root"/usr/lib/*/gconv "$root"/usr/share/{lintian,doc/*/[!c]*} "$root"/usr/share/doc/*/changelog*
    install -D "$stage/usr/bin/sastctl" "$root/usr/bin/sastctl"
    install -D -m 644 "$stage/usr/share/doc/sastctl/copyright" "$root/usr/share/doc/sastctl/copyright"
    cp -r "$stage/usr/share/doc/sastctl/examples/hsm-profiles" "$root/usr/share/doc/sastctl"
    echo 'root:x:0:0::/data:/usr/sbin/nologin' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
    echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
    python3 packaging/dist/image.py "$root" "sastctl:$version" "$commit" | gzip -9n >"$out"
}

# Packs the files below STAGE as the .deb OUT.
pack_deb() { # STAGE OUT
    local root=$out/deb doc=$out/deb/usr/share/doc/sastctl date
    cp -a "$1" "$root"
    date=$(date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")
    printf 'sastctl (%s) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n' "$version" "$maintainer" "$date" |
        gzip -9n >"$doc/changelog.Debian.gz"
    mkdir "$root/DEBIAN"
    sed "s/@version@/$version/; s/@maintainer@/$maintainer/; s/@summary@/$summary/; s/@size@/$(du -sk "$1" | cut -f 1)/" \
        packaging/dist/control >"$root/DEBIAN/control"
    install -m 755 packaging/dist/reload-udev "$root/DEBIAN/postinst"
    install -m 755 packaging/dist/reload-udev "$root/DEBIAN/postrm"
    (cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$root" "$2" >/dev/null
    rm -rf "$root"
}

# Packs the files below STAGE as an .rpm in OUT.
pack_rpm() { # STAGE OUT
    local root=$PWD/$out/rpm
    cp -a "$1" "$root"
    mkdir -p "$root/usr/share/zsh/site-functions"
    mv "$root"/usr/share/zsh/vendor-completions/_sastctl "$root/usr/share/zsh/site-functions"
    rmdir "$root/usr/share/zsh/vendor-completions"
    rpmbuild --quiet -bb --target x86_64 --define "_topdir $PWD/$out/rpmbuild" --define "_rpmdir $PWD/$2" \
        --define "_build_name_fmt sastctl-%%{VERSION}-%%{RELEASE}.x86_64.rpm" --define "_buildhost localhost" \
        --define "use_source_date_epoch_as_buildtime 1" --define "clamp_mtime_to_source_date_epoch 1" \
        --define "root $root" --define "version $version" --define "summary $summary" packaging/dist/sastctl.spec
    rm -rf "$root" "$out/rpmbuild"
}

# Writes the components of the program for TARGET to OUT as CycloneDX, without the serial number, the time and the paths, which
# differ from build to build.
sbom() { # TARGET OUT
    cargo cyclonedx --version >/dev/null 2>&1 || cargo install cargo-cyclonedx --locked --quiet
    in_place cargo cyclonedx --quiet --format json --target "$1" --features vendored-openssl
    jq --arg root "$place/source" 'del(.serialNumber, .metadata.timestamp) | walk(if type == "string" then gsub($root; "") else . end)' \
        "$place/source/sastctl.cdx.json" >"$2"
}
