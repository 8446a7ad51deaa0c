//! Times in the local zone.

use std::path::Path;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::files;

/// A header's time as CUCM prints it, in the local zone: `Fri Mar 06 22:53:33 CET 2015`.
pub fn header_time(seconds: u32) -> String {
    let time = Timestamp::from_second(i64::from(seconds)).unwrap_or_default();
    time.to_zoned(local_zone()).strftime("%a %b %d %H:%M:%S %Z %Y").to_string()
}

/// A time of RFC 3339 in the local zone: `2026-11-21 09:18:43 CET`; `None` if it is invalid.
pub fn local_time(time: &str) -> Option<String> {
    let time: Timestamp = time.parse().ok()?;
    Some(time.to_zoned(local_zone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}

/// The zone of `TZ` (tzset(3): `:FILE`, a name or a rule), else the system's; UTC if it is invalid.
fn local_zone() -> TimeZone {
    let file = |path: &Path| TimeZone::tzif("local", &files::read_plain(path, files::MAX_TEXT).ok()?).ok();
    let zone = match std::env::var("TZ") {
        Ok(zone) => {
            let zone = zone.strip_prefix(':').unwrap_or(&zone);
            let named = || TimeZoneDatabase::bundled().get(zone).ok();
            if Path::new(zone).is_absolute() {
                file(Path::new(zone))
            } else {
                named().or_else(|| TimeZone::posix(zone).ok())
            }
        }
        Err(_) if std::env::consts::OS == "windows" => Some(TimeZone::system()),
        Err(_) => file(Path::new("/etc/localtime")),
    };
    zone.unwrap_or(TimeZone::UTC)
}
