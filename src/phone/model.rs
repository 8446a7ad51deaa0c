//! What is known of a phone by its model: its class, and the keys that delete its lists.

use super::verdict::PhoneClass;

/// The digits of a model's name: `7945` of `Cisco 7945` or `SEP… CP-7945G`.
fn digits(model: &str) -> Option<u32> {
    let mut parts = model.split(|c: char| !c.is_ascii_digit()).filter(|part| part.len() == 4);
    parts.next()?.parse().ok()
}

/// The class of a model; `None` where no source names it. Security by Default: "7945, 7965 and newer"; not 7940, 7960 and
/// Jabber (`docs/phones.md`).
pub fn class_of_model(model: &str) -> Option<PhoneClass> {
    if model.to_lowercase().contains("jabber") {
        return Some(PhoneClass::WithoutTvs);
    }
    match digits(model)? {
        7940 | 7960 => Some(PhoneClass::WithoutTvs),
        7945 | 7965 | 7975 | 7800..=7899 | 8800..=8899 | 8945 | 8961 | 9951 | 9971 => {
            Some(PhoneClass::SecurityByDefault)
        }
        _ => None,
    }
}

/// The keys that delete the lists on a phone, by model: digits are numbers of menus, S2 is the second softkey, `**#` unlocks.
/// They are hints: menus differ with firmware and options.
const KEYS: [(&[u32], &str); 11] = [
    (&[7905, 7906, 7911], "Applications 3 4 5 2 S2 S4 S2 **# S4 S2"),
    (&[7941, 7942, 7961, 7962], "Settings 4 5 1 2 S4 S2 **# S4 S2"),
    (&[7945, 7965], "Settings 4 5 2 S4 S2 **# S4 S2"),
    (&[7971, 7975], "Settings 4 5 1 (CTL) or 2 (ITL) S5 **# S5"),
    (&[7821, 7841, 7861], "Settings 5 4 S4 S2, or Applications 5 4 4 S2"),
    (&[7832], "Settings > Admin Settings > Reset Settings > Security"),
    (&[8841], "Settings 5 4 4 S3, or Applications 5 4 4 S3"),
    (&[8851, 8861], "Settings 6 4 4 S3, or Applications 5 4 4 S3"),
    (&[8945], "Settings 4 4 3 S3"),
    (&[8961, 9951, 9971], "Applications 4 4 4 S3"),
    (&[7940, 7960], "Settings > Security Configuration > CTL file, **#, Erase"),
];

/// The keys to press on a phone of this model to delete its lists; `None`: no source names them.
pub fn keys_to_delete_lists(model: &str) -> Option<&'static str> {
    let digits = digits(model)?;
    let own = KEYS.iter().find(|(models, _)| models.contains(&digits)).map(|(_, keys)| *keys);
    own.or(match digits {
        7800..=7899 => Some("Applications 5 4 4 S2"),
        7900..=7999 => Some("Settings 4 5 2 **# S4 S2"),
        8800..=8899 => Some("Applications 5 4 4 S3"),
        _ => None,
    })
}
