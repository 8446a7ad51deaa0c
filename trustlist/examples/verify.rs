//! Verifies a trust list: `cargo run -p trustlist --example verify CTLFile.tlv`.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use trustlist::TrustList;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: verify FILE")?;
    let verified = TrustList::decode(std::fs::read(path)?)?.verify()?;
    println!("{} records, signed by {}", verified.list().records().len(), verified.signer_name());
    Ok(())
}
