//! No changed golden file verifies, whatever was changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trustlist::TrustList;

static GOLDEN: [&[u8]; 4] = [
    include_bytes!("../../../tests/testdata/golden/token-signed.tlv"),
    include_bytes!("../../../tests/testdata/golden/tokenless.tlv"),
    include_bytes!("../../../tests/testdata/golden/token-signed-non-secure.tlv"),
    include_bytes!("../../../tests/testdata/golden/itl.tlv"),
];

fuzz_target!(|edits: &[u8]| {
    let Some((which, edits)) = edits.split_first() else { return };
    let golden = GOLDEN[usize::from(*which) % GOLDEN.len()];
    let mut file = golden.to_vec();
    // Each edit: what, where (two bytes), with what.
    for edit in edits.chunks_exact(4) {
        let at = usize::from(u16::from_be_bytes([edit[1], edit[2]])) % file.len().max(1);
        match edit[0] % 5 {
            _ if file.is_empty() => return,
            0 => file[at] = edit[3],
            1 => file[at] ^= 1 << (edit[3] % 8),
            2 => file.insert(at, edit[3]),
            3 => drop(file.drain(at..(at + usize::from(edit[3])).min(file.len()))),
            _ => {
                let part: Vec<u8> = file[at..(at + usize::from(edit[3])).min(file.len())].to_vec();
                file.splice(at..at, part);
            }
        }
        if file.len() > 1 << 17 {
            return;
        }
    }
    let verified = TrustList::decode(file.clone()).is_ok_and(|list| list.verify().is_ok());
    assert!(!verified || file == golden, "a changed file is verified");
});
