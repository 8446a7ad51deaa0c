//! The consequences of an expired certificate by function, from Cisco's guide to certificates.

use crate::trustlist::{Function, Record};

/// For a token's certificate, which the guide does not mention.
pub const EXPIRED_TOKEN: &str = "it still signs; no public source says that phones look at its date";

/// The consequence when the certificate of a server with this function expires.
pub fn expired_server(function: Function) -> &'static str {
    match function {
        // The SAST of a tokenless list or an ITL is the publisher's CallManager certificate, too.
        Function::SAST | Function::CCM_TFTP | Function::CCM => {
            "encrypted and authenticated phones do not register, phones do not trust TFTP (configuration files, ITL), secure \
             SIP trunks and media resources fail"
        }
        Function::TFTP => "phones do not trust the configuration files that it signs",
        Function::CAPF => {
            "CUCM refuses the LSCs of phones, and issues no new ones; encrypted configuration files fail"
        }
        Function::TVS => "phones cannot authenticate HTTPS services and configuration files with it",
        _ => NOTHING_KNOWN,
    }
}

const NOTHING_KNOWN: &str = "the effect cannot be known: no public source says it";

/// The consequence when the certificate of a record expires.
pub fn expired(record: &Record) -> &'static str {
    match record {
        _ if record.is_token() => EXPIRED_TOKEN,
        _ if record.is_itl_recovery() => NOTHING_KNOWN,
        _ => expired_server(record.function()),
    }
}
