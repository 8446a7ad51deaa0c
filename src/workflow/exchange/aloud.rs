//! The digest of a request as people read it aloud: in groups, and in words.

use std::str::from_utf8;

use data_encoding::HEXLOWER;

use super::request::SigningRequest;

/// The English list of BIP-39: 2,048 words that differ in their first four letters. From the crate bip39 3.0.0, CC0-1.0.
const LIST: &str = include_str!("words.txt");
/// So many words are 132 bits.
const WORDS: usize = 12;

impl SigningRequest {
    /// The digest in groups of eight hexadecimal digits.
    pub fn digest_groups(&self) -> String {
        let groups: Vec<_> = self.digest.as_bytes().chunks(8).map(String::from_utf8_lossy).collect();
        groups.join(" ")
    }

    /// The first 132 bits of the digest in twelve words, 11 bits each.
    pub fn digest_words(&self) -> String {
        let bytes = HEXLOWER.decode(self.digest.as_bytes()).unwrap_or_default();
        let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
        let word = |bits| LIST.split_whitespace().nth(usize::from_str_radix(from_utf8(bits).ok()?, 2).ok()?);
        bits.as_bytes().chunks_exact(11).take(WORDS).filter_map(word).collect::<Vec<_>>().join(" ")
    }
}
