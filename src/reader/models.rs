//! USB ids and answers to reset of SAST tokens and similar devices: from tokens, and from the makers' public lists.

use serde::Serialize;

use self::Driver::{Ccid, SafeNet};

/// What a token needs below PKCS#11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// CCID: pcscd's own driver (libccid), or the system's.
    Ccid,
    /// Not CCID: only the reader driver of SafeNet Authentication Client supports it.
    SafeNet,
}

/// A kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say what each is")]
pub struct TokenModel {
    pub name: &'static str,
    pub driver: Driver,
}

/// By vendor and product. The vendor alone is not enough: 0529:0001 is a HASP dongle.
const BY_USB_ID: [(u16, u16, &str, Driver); 11] = [
    (0x0529, 0x050c, "Aladdin eToken PRO (CardOS)", SafeNet),
    (0x0529, 0x0514, "Aladdin eToken PRO (CardOS)", SafeNet),
    (0x0529, 0x0600, "Aladdin eToken PRO (CardOS)", SafeNet),
    (0x0529, 0x0620, "SafeNet eToken 5100, 5105, 5110 or PRO Java 72K", Ccid),
    (0x0529, 0x0602, "SafeNet eToken 7300", Ccid),
    (0x08e6, 0x34cc, "SafeNet eToken 5300", Ccid),
    (0x08e6, 0x34ce, "SafeNet eToken 5110+", Ccid),
    (0x08e6, 0x34cf, "SafeNet eToken Fusion", Ccid),
    (0x08e6, 0x34d2, "SafeNet eToken Fusion", Ccid),
    (0x08e6, 0x3437, "Gemalto IDBridge reader", Ccid),
    (0x08e6, 0x3438, "Gemalto IDBridge K30 or K50", Ccid),
];

/// By the beginning of the answer to reset.
const BY_ATR: [(&str, &str, Driver); 7] = [
    ("3BF21800FFC10A31FE55C8068A", "eToken PRO (CardOS)", SafeNet),
    ("3BE200FFC11031FE55C8029C", "eToken PRO (CardOS)", SafeNet),
    ("3BD5180081313A7D8073C8211030", "eToken PRO Java", Ccid),
    ("3BD518008131FE7D8073C82110F4", "eToken 5100 or 5110", Ccid),
    ("3B7F96000080318065B085", "IDPrime", Ccid),
    ("3BFF9600008131FE43", "IDPrime", Ccid),
    ("3BFD1300008131FE158073C021", "YubiKey", Ccid),
];

/// The kind of token with this USB id.
pub fn model_by_usb_id(vendor: u16, product: u16) -> Option<TokenModel> {
    let known = BY_USB_ID.iter().find(|(v, p, ..)| (*v, *p) == (vendor, product));
    known.map(|&(_, _, name, driver)| TokenModel { name, driver })
}

/// The kind of token with this answer to reset, in hexadecimal.
pub fn model_by_atr(atr: &str) -> Option<TokenModel> {
    let known = BY_ATR.iter().find(|(start, ..)| atr.starts_with(start));
    known.map(|&(_, name, driver)| TokenModel { name, driver })
}
