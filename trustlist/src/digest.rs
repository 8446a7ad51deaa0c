//! The digests that a trust list may be signed with: codes, DigestInfo prefixes and calculation.

use std::fmt;

use rsa::Pkcs1v15Sign;
use sha1::Digest as _;

/// A digest that the DIGESTALGORTITHM element (tag 8) of a header can name (`docs/format.md`, "Header").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Digest {
    /// SHA-1, 20 bytes: what CUCM 10.x and the CTL Client write.
    Sha1 = 1,
    /// SHA-256, 32 bytes.
    Sha256 = 2,
    /// SHA-512, 64 bytes.
    Sha512 = 3,
}

impl Digest {
    /// Every digest, oldest first.
    pub const ALL: [Digest; 3] = [Digest::Sha1, Digest::Sha256, Digest::Sha512];

    /// The digest for the code in the file (1 = SHA-1, 2 = SHA-256, 3 = SHA-512).
    pub fn from_code(code: u8) -> Option<Self> {
        Digest::ALL.into_iter().find(|digest| digest.code() == code)
    }

    /// The code in the file.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The digest over the concatenated parts.
    pub fn hash(self, parts: &[&[u8]]) -> Vec<u8> {
        fn over<D: sha1::Digest>(parts: &[&[u8]]) -> Vec<u8> {
            parts.iter().fold(D::new(), |hasher, part| hasher.chain_update(part)).finalize().to_vec()
        }
        match self {
            Digest::Sha1 => over::<sha1::Sha1>(parts),
            Digest::Sha256 => over::<sha2::Sha256>(parts),
            Digest::Sha512 => over::<sha2::Sha512>(parts),
        }
    }

    /// The whole DigestInfo (prefix and digest) over the parts of a message: the input of `CKM_RSA_PKCS`.
    pub fn info(self, parts: &[&[u8]]) -> Vec<u8> {
        let scheme = match self {
            Digest::Sha1 => Pkcs1v15Sign::new::<sha1::Sha1>(),
            Digest::Sha256 => Pkcs1v15Sign::new::<sha2::Sha256>(),
            Digest::Sha512 => Pkcs1v15Sign::new::<sha2::Sha512>(),
        };
        [&scheme.prefix[..], &self.hash(parts)].concat()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Digest::Sha1 => "SHA-1",
            Digest::Sha256 => "SHA-256",
            Digest::Sha512 => "SHA-512",
        })
    }
}

/// The MD5 of some bytes (16 bytes): the checksum that `show ctl` and most phones display.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    md5::Md5::digest(bytes).into()
}

/// The SHA-1 of some bytes (20 bytes).
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    sha1::Sha1::digest(bytes).into()
}

/// The SHA-256 of some bytes (32 bytes).
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// Bytes as hexadecimal digits with a separator between bytes: `hex(b, ":")`; lower case.
pub fn hex(bytes: &[u8], separator: &str) -> String {
    let digits = data_encoding::HEXLOWER.encode(bytes);
    if separator.is_empty() {
        return digits;
    }
    digits.as_bytes().chunks(2).map(String::from_utf8_lossy).collect::<Vec<_>>().join(separator)
}

/// Bytes as serial numbers are shown: upper-case pairs with colons between.
pub fn colons(bytes: &[u8]) -> String {
    hex(bytes, ":").to_uppercase()
}

/// A checksum as the screen of a 7900 phone shows it, eight to a line: `EB C6 49 59 82 80 A4 47` / `7E B3 E4 53 34 5C 8C 9D`.
pub fn phone_lines(checksum: &[u8]) -> Vec<String> {
    checksum.chunks(8).map(|line| hex(line, " ").to_uppercase()).collect()
}

/// As [`phone_lines`] for a checksum in lower-case hexadecimal digits; empty for anything else.
pub fn phone_lines_of_hex(checksum: &str) -> Vec<String> {
    phone_lines(&data_encoding::HEXLOWER.decode(checksum.as_bytes()).unwrap_or_default())
}
