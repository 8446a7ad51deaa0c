//! Certificates, golden files and a signer with a key in a file, for tests of the pure layer.

use std::convert::Infallible;
use std::path::PathBuf;

use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sastctl::trustlist::{Certificate, Digest, Signer, SigningOptions, TrustList, VerifiedList};
use sastctl::workflow::Next;

/// A file below the project.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

pub fn read(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

pub fn golden_bytes(name: &str) -> Vec<u8> {
    read(&format!("tests/testdata/golden/{name}"))
}

pub fn golden(name: &str) -> VerifiedList {
    TrustList::decode(golden_bytes(name)).unwrap().verify().unwrap()
}

pub fn certificate(name: &str) -> Certificate {
    Certificate::from_file_bytes(&read(name)).unwrap()
}

pub fn token(name: &str) -> Certificate {
    certificate(&format!("softhsm-fixtures/{name}.der"))
}

/// 2015-03-06 22:53:33 +01:00, when the golden token-signed file was made.
pub const GOLDEN_TIME: u32 = 1_425_678_813;

/// The advice as a value, not spelled as a command.
pub fn spell(next: &Next) -> String {
    format!("{next:?}")
}

pub fn options(digest: Digest) -> SigningOptions {
    SigningOptions { digest, timestamp: GOLDEN_TIME, signer_version: None }
}

/// Signs with a key from a PKCS#8 file.
pub struct KeyFile {
    certificate: Certificate,
    key: RsaPrivateKey,
}

impl KeyFile {
    /// `stem.der` and `stem.key.pem` below the project.
    pub fn open(stem: &str) -> Self {
        let pem = String::from_utf8(read(&format!("{stem}.key.pem"))).unwrap();
        KeyFile {
            certificate: certificate(&format!("{stem}.der")),
            key: RsaPrivateKey::from_pkcs8_pem(&pem).unwrap(),
        }
    }
}

impl Signer for KeyFile {
    type Error = Infallible;

    fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    fn sign(&mut self, digest: Digest, message: &[u8]) -> Result<Vec<u8>, Infallible> {
        Ok(self.key.sign(Pkcs1v15Sign::new_unprefixed(), &digest.info(&[message])).unwrap())
    }
}
