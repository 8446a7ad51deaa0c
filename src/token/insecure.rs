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
    let meta = std::fs::metadata(path).ok()?;
    let me = rustix::process::geteuid().as_raw();
    let rights = Rights { owner: meta.uid(), group: meta.gid(), mode: meta.mode(), is_folder: meta.is_dir() };
    let shown = path.display();
    rights.others(me, |group| is_private_group(group, me)).map(|others| match others {
        Others::Owner(owner) => format!("{shown} belongs to another user ({owner})"),
        Others::Everybody => format!("everybody may write {shown}"),
        Others::Group(group) => format!("the group {group} may write {shown}"),
    })
}

/// Whose a file is, and its mode (inode(7)).
#[cfg(unix)]
#[derive(Clone, Copy)]
struct Rights {
    owner: u32,
    group: u32,
    mode: u32,
    is_folder: bool,
}

/// Who may write it beside root and this user.
#[cfg(unix)]
#[derive(Debug, PartialEq, Eq)]
enum Others {
    Owner(u32),
    Everybody,
    Group(u32),
}

#[cfg(unix)]
impl Rights {
    fn others(self, me: u32, is_private: impl Fn(u32) -> bool) -> Option<Others> {
        const GROUP_WRITES: u32 = 0o020;
        const OTHERS_WRITE: u32 = 0o002;
        const STICKY: u32 = 0o1000;
        let may = |bit: u32| self.mode & bit != 0;
        if ![0, me].contains(&self.owner) {
            return Some(Others::Owner(self.owner));
        }
        // In a folder like /tmp everybody may make files, and nobody may replace another's.
        if self.is_folder && may(STICKY) {
            return None;
        }
        if may(OTHERS_WRITE) {
            return Some(Others::Everybody);
        }
        let group_writes = may(GROUP_WRITES) && self.group != 0 && !is_private(self.group);
        group_writes.then_some(Others::Group(self.group))
    }
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
    fn root_and_this_user_may_write_and_nobody_else() {
        let file = Rights { owner: 0, group: 0, mode: 0o100_644, is_folder: false };
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
        assert_eq!(
            of(Rights { mode: 0o101_646, ..file }),
            Some(Others::Everybody),
            "sticky means nothing here"
        );
    }

    #[test]
    fn the_groups_of_this_system_are_looked_at() {
        let read = |file| std::fs::read_to_string(file).unwrap();
        let (passwd, group) = (read("/etc/passwd"), read("/etc/group"));
        let uid = rustix::process::getuid().as_raw();
        let groups = group.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok());
        let of_system: Vec<bool> = groups.clone().map(|gid| is_private_group(gid, uid)).collect();
        let of_files: Vec<bool> = groups.map(|gid| is_private(&passwd, &group, gid, uid)).collect();
        assert_eq!(of_system, of_files);
        assert!(of_system.contains(&false), "{group}");
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
