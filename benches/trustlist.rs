//! Decoding, verifying and showing one CTL, in one process, in microseconds.

use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sastctl::trustlist::TrustList;

#[allow(clippy::unwrap_used, missing_docs, reason = "a measurement fails by panicking")]
mod lists;
#[path = "../tests/pki/mod.rs"]
#[allow(dead_code, clippy::unwrap_used, missing_docs, reason = "the stories use the rest")]
mod pki;

fn one_list(c: &mut Criterion) {
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

/// Time must grow with the number of records and no faster.
fn growth(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode and verify a CTL, by records");
    for records in [1, 10, 100, 400] {
        let bytes = bytes::Bytes::from(lists::list_of(records));
        group.throughput(Throughput::Elements(records as u64));
        group.bench_function(BenchmarkId::from_parameter(records), |b| {
            b.iter(|| TrustList::decode(black_box(&bytes).clone()).is_ok_and(|list| list.verify().is_ok()));
        });
    }
}

criterion_group!(benches, one_list, growth);
criterion_main!(benches);
