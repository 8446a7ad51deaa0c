//! Prints the records of a trust list: `cargo run -p trustlist --example records CTLFile.tlv`.
#![allow(clippy::print_stdout, reason = "an example prints its result")]

use trustlist::TrustList;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: records FILE")?;
    for record in TrustList::decode(std::fs::read(path)?)?.records() {
        println!("{:<10} {}", record.function().to_string(), record.short_name());
    }
    Ok(())
}
