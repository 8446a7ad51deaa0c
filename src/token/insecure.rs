//! Who else may write a module or a profile: whoever can replace the library gets every PIN that is typed.

use std::path::Path;

/// What of a file, or of a folder above it, others than root and this user may write; in words. `None` where nobody may.
#[cfg(unix)]
pub(super) fn others_may_write(path: &Path) -> Option<String> {
    let real = std::fs::canonicalize(path).ok()?;
    // The name may be a link: whoever may write its folder may point it elsewhere.
    let named = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder_of_name = named.parent().map(Path::to_path_buf);
    let all = real.ancestors().map(Path::to_path_buf);
    all.chain(folder_of_name).find_map(|path| one(&path))
}

#[cfg(unix)]
fn one(path: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    const GROUP_WRITES: u32 = 0o020;
    const OTHERS_WRITE: u32 = 0o002;
    const STICKY: u32 = 0o1000;
    let meta = std::fs::metadata(path).ok()?;
    let shown = path.display();
    let me = rustix::process::geteuid().as_raw();
    if meta.uid() != 0 && meta.uid() != me {
        return Some(format!("{shown} belongs to another user ({})", meta.uid()));
    }
    // In a folder like /tmp everybody may make files, and nobody may replace another's.
    if meta.is_dir() && meta.mode() & STICKY != 0 {
        return None;
    }
    if meta.mode() & OTHERS_WRITE != 0 {
        return Some(format!("everybody may write {shown}"));
    }
    let group_writes =
        meta.mode() & GROUP_WRITES != 0 && meta.gid() != 0 && !is_private_group(meta.gid(), me);
    group_writes.then(|| format!("the group {} may write {shown}", meta.gid()))
}

/// A group with nobody else in it: the user's own, which many systems make for each user, or Debian's staff, which may
/// write /usr/local and is empty unless somebody was put into it.
#[cfg(unix)]
fn is_private_group(gid: u32, uid: u32) -> bool {
    let read = |file| std::fs::read_to_string(file).unwrap_or_default();
    is_private(&read("/etc/passwd"), &read("/etc/group"), gid, uid)
}

#[cfg(unix)]
fn is_private(passwd: &str, group: &str, gid: u32, uid: u32) -> bool {
    let users: Vec<Vec<&str>> = passwd.lines().map(|line| line.split(':').collect()).collect();
    let number = |text: Option<&&str>| text.and_then(|text| text.parse::<u32>().ok());
    let Some(user) = users.iter().find(|user| number(user.get(2)) == Some(uid)) else { return false };
    let name = user.first().copied().unwrap_or_default();
    let in_it = users.iter().filter(|user| number(user.get(3)) == Some(gid));
    let nobody_else = in_it.into_iter().all(|other| other.first() == Some(&name));
    let mut groups = group.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let Some(group) = groups.find(|group| number(group.get(2)) == Some(gid)) else { return false };
    let mut members =
        group.get(3).copied().unwrap_or_default().split(',').filter(|member| !member.is_empty());
    let known = group.first().is_some_and(|group| *group == name || *group == "staff");
    nobody_else && known && members.all(|member| member == name)
}

/// Access rights there are another matter.
#[cfg(not(unix))]
pub(super) fn others_may_write(_: &Path) -> Option<String> {
    None
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_that_others_may_replace_is_told() {
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
        // The folder above it, unless nobody may replace what others made there.
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
    fn a_private_group_has_one_member() {
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1000::/:/bin/sh\ncy:x:1002:1002::/:\n";
        assert!(is_private(passwd, "cy:x:1002:\n", 1002, 1002));
        assert!(is_private(passwd, "cy:x:1002:cy\n", 1002, 1002));
        assert!(!is_private(passwd, "cy:x:1002:ann\n", 1002, 1002), "another member");
        assert!(!is_private(passwd, "ann:x:1000:\n", 1000, 1000), "bob's first group, too");
        assert!(!is_private(passwd, "users:x:1002:\n", 1002, 1002), "another name");
        assert!(is_private(passwd, "staff:x:50:\n", 50, 1002), "Debian's, empty");
        assert!(!is_private(passwd, "staff:x:50:bob\n", 50, 1002), "Debian's, with somebody in it");
        assert!(!is_private("", "", 1002, 1002));
    }
}
