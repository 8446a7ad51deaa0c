//! The users who may change the target of a path.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sastctl::system::access::{
    Others, Rights, foreign_link, is_private, is_private_group, others_may_write, unshared_folder,
};
use sastctl::system::descriptor::named_by;

use crate::support::World;

fn set(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_file_that_others_may_replace_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    set(&inner, 0o755);
    let file = inner.join("module.so");
    std::fs::write(&file, "x").unwrap();
    set(&file, 0o644);
    assert_eq!(others_may_write(&file), None);
    set(&file, 0o646);
    assert!(others_may_write(&file).unwrap().starts_with("everybody may write"));
    set(&file, 0o644);
    // The folder above it, unless it is sticky.
    set(&inner, 0o777);
    assert!(others_may_write(&file).unwrap().ends_with("inner"));
    set(&inner, 0o1777);
    assert_eq!(others_may_write(&file), None);
    // A link in a folder that everybody may write.
    set(&inner, 0o755);
    let open = folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    set(&open, 0o777);
    std::os::unix::fs::symlink(&file, open.join("link.so")).unwrap();
    assert!(others_may_write(&open.join("link.so")).unwrap().ends_with("open"));
    assert_eq!(others_may_write(&folder.path().join("none")), None);
}

#[test]
fn every_link_in_a_path_is_checked() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, mode) in [("safe", 0o755), ("open", 0o777), ("sticky", 0o1777)] {
        std::fs::create_dir(at(name)).unwrap();
        set(&at(name), mode);
    }
    std::fs::write(at("safe/module.so"), "x").unwrap();
    symlink(at("safe"), at("open/middle")).unwrap();
    symlink("../open/middle/./../safe/module.so", at("safe/named.so")).unwrap();
    assert!(others_may_write(&at("safe/named.so")).unwrap().ends_with("open"));
    symlink("../sticky/../safe/module.so", at("safe/good.so")).unwrap();
    assert_eq!(others_may_write(&at("safe/good.so")), None);
    symlink(at("safe/loop.so"), at("safe/loop.so")).unwrap();
    assert!(others_may_write(&at("safe/loop.so")).unwrap().contains("cannot be checked"));
    // A link in /tmp belongs to the user who made it.
    symlink(at("safe"), at("sticky/link")).unwrap();
    let through = at("sticky/link/module.so");
    assert_eq!((others_may_write(&through), foreign_link(&through)), (None, None));
    // Only root can change the owner of a link.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    std::os::unix::fs::lchown(at("sticky/link"), Some(65534), None).unwrap();
    assert!(others_may_write(&through).unwrap().ends_with("sticky/link belongs to another user (65534)"));
    assert_eq!(foreign_link(&through), Some((at("sticky/link"), 65534)));
    assert_eq!(foreign_link(&at("sticky/link/none/such")).unwrap().1, 65534);
}

#[test]
fn a_folder_that_others_may_write_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("locks");
    assert!(unshared_folder(&folder), "it is made");
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(unshared_folder(&folder), "it is there");
    for mode in [0o720, 0o702] {
        set(&folder, mode);
        assert!(!unshared_folder(&folder), "{mode:o}");
    }
    std::os::unix::fs::symlink(dir.path(), dir.path().join("link")).unwrap();
    assert!(!unshared_folder(&dir.path().join("link")), "somebody else's link");
    std::fs::write(dir.path().join("file"), "").unwrap();
    assert!(!unshared_folder(&dir.path().join("file")));
}

#[test]
fn a_path_may_stand_for_a_descriptor() {
    let named = |path: &str| named_by(Path::new(path));
    assert_eq!(
        [named("/dev/stdin"), named("/dev/fd/7"), named("/proc/self/fd/12")],
        [Some(0), Some(7), Some(12)]
    );
    for path in ["/dev/fd", "/dev/fd/x", "/dev/fd/7/8", "/dev/stdout", "pin", "/home/fd/7"] {
        assert_eq!(named(path), None, "{path}");
    }
}

#[test]
fn only_root_and_this_user_may_write() {
    let file = Rights { owner: 0, group: 0, mode: 0o100_644, is_folder: false, is_link: false };
    let folder = Rights { mode: 0o040_755, is_folder: true, ..file };
    let of = |rights: Rights| rights.others(1000, |group| group == 1000);
    assert_eq!([of(file), of(folder), of(Rights { owner: 1000, ..file })], [None, None, None]);
    assert_eq!(of(Rights { owner: 1001, ..file }), Some(Others::Owner(1001)));
    assert_eq!(of(Rights { mode: 0o100_646, ..file }), Some(Others::Everybody));
    let group = |group| of(Rights { group, mode: 0o100_664, ..file });
    assert_eq!([group(0), group(1000), group(50)], [None, None, Some(Others::Group(50))]);
    assert_eq!(of(Rights { group: 50, ..file }), None, "it may read");
    assert_eq!(of(Rights { mode: 0o041_777, ..folder }), None, "/tmp");
    assert_eq!(of(Rights { mode: 0o040_777, ..folder }), Some(Others::Everybody));
    assert_eq!(of(Rights { mode: 0o101_646, ..file }), Some(Others::Everybody), "sticky means nothing here");
}

#[test]
fn the_groups_of_this_system_can_be_read() {
    let me = rustix::process::getuid().as_raw();
    let group = std::fs::read_to_string("/etc/group").unwrap();
    let groups = group.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok());
    let private: Vec<u32> = groups.filter(|gid| is_private_group(*gid, me)).collect();
    let named = |gid: &u32| uzers::get_group_by_gid(*gid).unwrap().name().to_string_lossy().into_owned();
    let user = uzers::get_user_by_uid(me).unwrap().name().to_string_lossy().into_owned();
    assert!(private.iter().all(|gid| [&user, "staff"].contains(&named(gid).as_str())), "{private:?}");
    // On Debian the first group of the user "games" has another name than the user, and no other member.
    assert!(!is_private_group(60, me) && !is_private_group(u32::MAX - 1, me));
    assert!(!is_private_group(0, 1), "daemon is not in root's group, and root is");
}

#[test]
fn a_private_group_has_one_member() {
    let private = |user: &str, group: &str, members: &[&str]| {
        is_private(user.as_ref(), group.as_ref(), &members.iter().map(OsString::from).collect::<Vec<_>>())
    };
    assert!(private("cy", "cy", &[]) && private("cy", "cy", &["cy"]));
    assert!(!private("cy", "cy", &["ann"]), "another member");
    assert!(!private("cy", "users", &[]), "another name");
    assert!(private("cy", "staff", &[]) && !private("cy", "staff", &["bob"]), "Debian's");
}

/// A user who can replace the module gets every PIN: such a module is not loaded, and a profile that others may write is not
/// used.
#[test]
fn a_module_that_others_may_write_is_refused() {
    let world = World::with_tokens();
    let set = |name: &str, mode| {
        std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    std::fs::copy(crate::support::softhsm_module(), world.path("module.so")).unwrap();
    let profile = world.run(&["profile", "show", "softhsm"]).done().stdout;
    std::fs::write(world.path("mine.toml"), profile).unwrap();
    for name in ["module.so", "mine.toml"] {
        set(name, 0o644);
    }
    world.run(&["token", "list", "--module=module.so"]).done();
    world.run(&["token", "list", "--profile=mine.toml"]).done();
    for name in ["module.so", "mine.toml"] {
        set(name, 0o666);
    }
    for option in ["--module=module.so", "--profile=mine.toml"] {
        let refused = world.run(&["token", "list", option]);
        assert_eq!(refused.code, 3, "{}", refused.all());
        assert!(refused.stderr.contains("everybody may write "), "{}", refused.stderr);
        assert!(refused.stderr.contains("--allow-insecure-module"), "{}", refused.stderr);
        world.run(&["token", "list", option, "--allow-insecure-module"]).done();
    }
    set("module.so", 0o644);
    set("mine.toml", 0o644);
    // A folder in which everybody may replace files.
    std::fs::create_dir(world.path("open")).unwrap();
    set("open", 0o777);
    std::fs::copy(world.path("module.so"), world.path("open/module.so")).unwrap();
    // A link in that folder, between two safe paths.
    std::os::unix::fs::symlink("../module.so", world.path("open/middle.so")).unwrap();
    std::os::unix::fs::symlink("open/middle.so", world.path("named.so")).unwrap();
    std::os::unix::fs::symlink("mine.toml", world.path("open.toml")).unwrap();
    std::os::unix::fs::symlink("../open.toml", world.path("open/middle.toml")).unwrap();
    std::os::unix::fs::symlink("open/middle.toml", world.path("named.toml")).unwrap();
    let profile = format!("--profile={}", world.path("named.toml").display());
    for option in ["--module=named.so", &profile] {
        let refused = world.run(&["token", "list", option]);
        assert_eq!(refused.code, 3, "{option}: {}", refused.all());
        assert!(refused.stderr.contains("everybody may write DIR/open"), "{}", refused.stderr);
    }
    let doctor = world.run(&["doctor", "--json", "--module=open/module.so"]);
    assert!(doctor.stdout.contains("module-insecure"), "{}", doctor.all());
}
