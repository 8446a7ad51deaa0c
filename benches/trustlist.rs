//! Decoding, verifying and showing one CTL, in one process, in microseconds.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, criterion_group, criterion_main};
use sastctl::trustlist::TrustList;

fn lists(c: &mut Criterion) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata/golden/token-signed.tlv");
    let Ok(bytes) = std::fs::read(&path).map(bytes::Bytes::from) else {
        panic!("{} is not there", path.display())
    };
    assert_eq!(bytes.len(), 5728, "the file that the figures are about");
    let decode = || TrustList::decode(black_box(&bytes).clone());
    let Ok(list) = decode() else { panic!("the file decodes") };

    c.bench_function("decode a 5728-byte CTL", |b| b.iter(decode));
    c.bench_function("verify it (RSA 1024, SHA-1)", |b| b.iter(|| black_box(&list).verify().is_ok()));
    c.bench_function("decode and verify it", |b| {
        b.iter(|| decode().is_ok_and(|list| list.verify().is_ok()));
    });
}

criterion_group!(benches, lists);
criterion_main!(benches);
