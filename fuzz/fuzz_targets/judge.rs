//! Lists that verify: what phones make of them is worked out, whatever they hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::phone::{InstalledItl, Installed, NewList, TvsStatus, assess_classes, list_warnings, services};
use sastctl::trustlist::TrustList;
use sastctl::workflow::advice::procedures;

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = TrustList::decode(bytes.to_vec()) else { return };
    let Ok(verified) = list.verify() else { return };
    let held = Installed { ctl: Some(&verified), itl: InstalledItl::Unknown };
    let new = NewList::of(&verified);
    let _ = assess_classes(&held, &new, &TvsStatus::NotAsked);
    let _ = (services(&held, &new), list_warnings(&new, verified.digest(), 0));
    let _ = procedures(&verified, "f", None, 0);
});
