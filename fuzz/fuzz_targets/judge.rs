//! Lists that verify: what phones make of them is worked out, whatever they hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sastctl::phone::{HeldItl, Installed, NewList, Vouch, assess_classes, cautions, services};
use sastctl::trustlist::TrustList;
use sastctl::workflow::ways;

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = TrustList::decode(bytes.to_vec()) else { return };
    let Ok(verified) = list.verify() else { return };
    let held = Installed { ctl: Some(&verified), itl: HeldItl::Unknown };
    let new = NewList::of(&verified);
    let _ = assess_classes(&held, &new, &Vouch::NotAsked);
    let _ = (services(&held, &new), cautions(&new, verified.digest(), 0));
    let _ = ways(&verified, "f", None, 0);
});
