//! The TVS of a fake node: it shows the certificate `tvs` of the node, and answers both questions that phones have, VERIFY (a
//! server's whole certificate) and QUERY (the signer of a list, by issuer and serial), with bytes as in the field notes. It
//! shares no code with the client of the program.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::thread;

use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::X509;

use super::cluster::TVS_PORT;
use super::lists::{self, CAPF, CCM_TFTP, Certificate, List, SAST, TVS};

/// A certificate that the node knows: how lists name it, and its roles.
struct Known {
    der: Vec<u8>,
    /// Issuer, the NUL at its end, and serial.
    names: Vec<(Vec<u8>, Vec<u8>)>,
    roles: Vec<u8>,
}

/// Serves until the process ends. The folder is read again for every connection.
pub fn start(node: PathBuf, publisher: PathBuf, address: &str) {
    let listener = TcpListener::bind((address, TVS_PORT)).unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let Ok(tcp) = connection else { return };
            let Some(acceptor) = acceptor(&node) else { continue };
            let Ok(mut tls) = acceptor.accept(tcp) else { continue };
            let mut header = [0; 10];
            if tls.read_exact(&mut header).is_err() {
                continue;
            }
            let mut body = vec![0; usize::from(u16::from_be_bytes([header[8], header[9]]))];
            let _ = tls.read_exact(&mut body);
            let known = known(&node, &publisher);
            let quirks = fs::read_to_string(node.join("quirks")).unwrap_or_default();
            let roles = quirks.lines().find_map(|l| l.strip_prefix("tvs-roles="));
            let roles = roles.map(|r| r.split(',').map(|n| n.parse().unwrap()).collect::<Vec<u8>>());
            if let Some(answer) = answer(&header, &body, &known, roles) {
                let _ = tls.write_all(&answer);
            }
            let _ = tls.shutdown();
        }
    });
}

/// The roles of a certificate that the TVS of this node knows by this issuer and serial; `None`: it does not know it.
pub fn roles(node: &Path, publisher: &Path, issuer: &[u8], serial: &[u8]) -> Option<Vec<u16>> {
    let named = [issuer, &[0]].concat();
    let known = known(node, publisher);
    let found = known.iter().find(|k| k.names.iter().any(|(i, s)| *i == named && s == serial))?;
    Some(found.roles.iter().map(|role| u16::from(*role)).collect())
}

fn acceptor(node: &Path) -> Option<SslAcceptor> {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    let key = fs::read(node.join("tvs.key.pem")).ok()?;
    builder.set_private_key(&PKey::private_key_from_pem(&key).unwrap()).unwrap();
    builder.set_certificate(&X509::from_der(&fs::read(node.join("tvs.der")).ok()?).unwrap()).unwrap();
    Some(builder.build())
}

/// Phone-SAST-trust of the publisher, the node's own certificates, and the certificates in its CTL.
fn known(node: &Path, publisher: &Path) -> Vec<Known> {
    let mut all: Vec<Known> = vec![];
    let mut add = |der: Vec<u8>, role: u16| {
        let Some(certificate) = Certificate::read(&der) else { return };
        let role = u8::try_from(role).unwrap_or(u8::MAX);
        match all.iter_mut().find(|k| k.der == der) {
            Some(there) if there.roles.contains(&role) => {}
            Some(there) => there.roles.push(role),
            None => {
                let mut spelled = vec![certificate.spelled_by_cucm()];
                // The only case in which TVS searches for another spelling.
                if certificate.is_a_token_of_cisco() {
                    spelled.push(certificate.spelled_by_the_client());
                }
                let names = spelled.into_iter().map(|s| (s.issuer, s.serial)).collect();
                all.push(Known { der, names, roles: vec![role] });
            }
        }
    };
    for entry in fs::read_dir(publisher.join("trust")).into_iter().flatten() {
        add(fs::read(entry.unwrap().path()).unwrap(), SAST);
    }
    for (name, roles) in [
        ("publisher", &[SAST, CCM_TFTP][..]),
        ("callmanager", &[SAST, CCM_TFTP]),
        ("itlrecovery", &[SAST]),
        ("capf", &[CAPF]),
        ("tvs", &[TVS]),
    ] {
        if let Ok(der) = fs::read(node.join(format!("{name}.der"))) {
            roles.iter().for_each(|role| add(der.clone(), *role));
        }
    }
    let ctl = fs::read(node.join("tftp/CTLFile.tlv")).ok().and_then(|bytes| List::read(&bytes));
    for record in ctl.iter().flat_map(|list| &list.records) {
        if let (Some(der), Some(role)) = (lists::value(record, 9), lists::function(record)) {
            add(der.to_vec(), role);
        }
    }
    all
}

/// The answer, or none if it does not understand the request. `roles` replaces the right roles.
fn answer(header: &[u8; 10], body: &[u8], known: &[Known], roles: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut elements = vec![];
    let mut rest = body;
    while let [tag, high, low, more @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        elements.push((*tag, more.get(..length)?.to_vec()));
        rest = more.get(length..)?;
    }
    let asked = |tag| lists::value(&elements, tag);
    let (found, command, fourth) = match header[..3] {
        [87, 1, 1] => (known.iter().find(|k| asked(2) == Some(&k.der[..])), 2, 0),
        [87, 1, 3] => {
            let is_named = |k: &&Known| {
                k.names
                    .iter()
                    .any(|(issuer, serial)| asked(4) == Some(&issuer[..]) && asked(5) == Some(&serial[..]))
            };
            (known.iter().find(is_named), 4, 0xf7)
        }
        _ => return None,
    };
    let mut said: Vec<u8> = vec![];
    let mut say = |tag: u8, value: &[u8]| {
        said.push(tag);
        said.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        said.extend(value);
    };
    say(7, &[u8::from(found.is_none())]);
    if let Some(found) = found {
        if command == 4 {
            say(2, &found.der);
        }
        say(8, roles.as_ref().unwrap_or(&found.roles));
        say(9, &86_400u32.to_be_bytes());
    }
    let length = u16::try_from(said.len()).unwrap().to_be_bytes();
    Some([&[87, 1, command, fourth][..], &header[4..8], &length, &said].concat())
}
