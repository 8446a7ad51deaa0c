//! The certificate interface of OS Administration: how the server is authenticated, what it receives, and how another server is
//! refused.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name, X509NameBuilder};
use sastctl::cluster::http::{HttpError, TlsTrust, TrustStore};
use sastctl::trustlist::digest;

use crate::pki;
use crate::support::{Outcome, World};

type Key = PKey<Private>;

/// A web server's certificate, and its key.
#[derive(Clone)]
struct Web {
    key: Key,
    certificate: X509,
}

/// The subject of a certificate.
enum For {
    Address,
    Name,
}

impl Web {
    fn fingerprint(&self) -> String {
        digest::hex(&digest::sha256(&self.certificate.to_der().unwrap()), "")
    }
}

fn key(stem: &str) -> Key {
    PKey::private_key_from_pem(&pki::read(&format!("tests/testdata/keys/{stem}.key.pem"))).unwrap()
}

fn name(common: &str) -> X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", common).unwrap();
    name.build()
}

/// Self-signed, or issued by an unknown authority; valid until 2049, or expired.
fn web(named: For, authority: Option<&str>, expired: bool, serial: u32) -> Web {
    let key_of_server = key("rsa2048");
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name("cucm-pub")).unwrap();
    builder.set_issuer_name(&name(authority.unwrap_or("cucm-pub"))).unwrap();
    builder.set_pubkey(&key_of_server).unwrap();
    builder.set_not_before(&Asn1Time::from_unix(1_600_000_000).unwrap()).unwrap();
    let end = if expired { 1_700_000_000 } else { 2_500_000_000 };
    builder.set_not_after(&Asn1Time::from_unix(end).unwrap()).unwrap();
    let context = builder.x509v3_context(None, None);
    let names = match named {
        For::Address => SubjectAlternativeName::new().ip("127.0.0.1").build(&context),
        For::Name => SubjectAlternativeName::new().dns("cucm-pub.example.com").build(&context),
    };
    builder.append_extension(names.unwrap()).unwrap();
    if authority.is_some() {
        builder.append_extension(BasicConstraints::new().critical().build().unwrap()).unwrap();
    }
    let signer = if authority.is_some() { key("rsa3072") } else { key_of_server.clone() };
    builder.sign(&signer, MessageDigest::sha256()).unwrap();
    Web { key: key_of_server, certificate: builder.build() }
}

/// The default certificate of a node.
fn own() -> Web {
    web(For::Address, None, false, 1)
}

/// Answers `status` and `body`, and reports what it received on each connection. Each connection shows the next certificate;
/// the last one is repeated.
fn rest(shows: &[Web], status: &'static str, body: &'static str) -> (u16, Receiver<String>) {
    let acceptors: Vec<SslAcceptor> = shows
        .iter()
        .map(|web| {
            let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
            builder.set_private_key(&web.key).unwrap();
            builder.set_certificate(&web.certificate).unwrap();
            builder.build()
        })
        .collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for (number, tcp) in listener.incoming().flatten().enumerate() {
            let acceptor = &acceptors[number.min(acceptors.len() - 1)];
            let Ok(mut tls) = acceptor.accept(tcp) else {
                let _ = tell.send(String::new());
                continue;
            };
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let n = tls.read(&mut buffer).unwrap_or(0);
                request.extend(&buffer[..n]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                    let length = head
                        .to_lowercase()
                        .lines()
                        .find_map(|l| l.strip_prefix("content-length: ")?.trim().parse().ok());
                    body.len() >= length.unwrap_or(0)
                });
                if n == 0 || whole {
                    break;
                }
            }
            let _ = tell.send(String::from_utf8_lossy(&request).into_owned());
            if request.is_empty() {
                continue;
            }
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = tls.write_all(answer.as_bytes());
            let _ = tls.shutdown();
        }
    });
    (port, told)
}

/// A certificate into the trust store of the node on that port.
fn trust(port: u16, more: &[&str]) -> Outcome {
    let mut world = World::new();
    world.set("NODE_PASSWORD", "Re5t-password");
    let certificate = pki::path("softhsm-fixtures/SAST-ADN008580ef.der");
    let port = port.to_string();
    let args = [
        "cluster",
        "trust",
        certificate.to_str().unwrap(),
        "--node",
        "ssh://admin@127.0.0.1",
        "--by",
        "rest",
        "--https-port",
        &port,
        "--no-tvs",
        "--password-source",
        "env:NODE_PASSWORD",
    ];
    world.run(&[&args[..], more].concat())
}

fn nothing_was_sent(told: &Receiver<String>, connections: usize) {
    for _ in 0..connections {
        let request = told.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(request, "", "the password was sent to a stranger");
    }
}

#[test]
fn certificates_are_uploaded_by_rest_if_the_node_is_trusted() {
    let fingerprint = own().fingerprint();
    let (port, told) = rest(&[own()], "201 Created", "{}");
    let done = trust(port, &["--tls-fingerprint", &fingerprint]);
    assert_eq!(done.code, 0, "{}", done.all());
    let request = told.recv_timeout(Duration::from_secs(5)).unwrap();
    assert!(request.starts_with("POST /platformcom/api/v1/certmgr/config/trust/certificates "), "{request}");
    let login = data_encoding_basic("admin", "Re5t-password").to_lowercase();
    assert!(request.to_lowercase().contains(&login), "{request}");
    let body: serde_json::Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["service"][0], "Phone-SAST-trust");
    assert!(body["certificates"][0].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"), "{body}");

    let (port, _) = rest(&[own()], "400 Bad Request", "{\"messages\":[\"unit unknown\"]}");
    let refused = trust(port, &["--tls-fingerprint", &fingerprint]);
    assert_eq!(refused.code, 5);
    assert!(refused.stderr.contains("400: unit unknown"), "{}", refused.stderr);

    // A certificate of another server, and one of an unknown authority: nothing is sent.
    let (port, told) = rest(&[own()], "200 OK", "{}");
    let other = trust(port, &["--tls-fingerprint", &fingerprint.replace('a', "b")]);
    assert_eq!(other.code, 5);
    assert!(
        other.stderr.contains("is not trusted") && other.stderr.contains("nothing was sent"),
        "{}",
        other.stderr
    );
    let unpinned = trust(port, &[]);
    assert_eq!(unpinned.code, 5, "{}", unpinned.all());
    assert!(unpinned.stderr.contains("--tls-fingerprint"), "{}", unpinned.stderr);
    nothing_was_sent(&told, 2);
}

fn data_encoding_basic(user: &str, password: &str) -> String {
    let output =
        Command::new("sh").arg("-c").arg(format!("printf %s '{user}:{password}' | base64")).output().unwrap();
    format!("Basic {}", String::from_utf8(output.stdout).unwrap().trim())
}

/// The node is named by its address, its certificate contains a host name, and its issuer is unknown: with the right
/// fingerprint it is still accepted.
#[test]
fn a_pinned_certificate_needs_no_name_and_no_authority() {
    for (what, shown) in [
        ("a name", web(For::Name, None, false, 1)),
        ("an authority", web(For::Name, Some("Company CA"), false, 1)),
        ("an authority, and the address", web(For::Address, Some("Company CA"), false, 1)),
        ("expired", web(For::Name, None, true, 1)),
    ] {
        let (port, told) = rest(std::slice::from_ref(&shown), "201 Created", "{}");
        let unpinned = trust(port, &[]);
        assert_eq!(unpinned.code, 5, "{what}: {}", unpinned.all());
        nothing_was_sent(&told, 1);
        let colons = digest::hex(&digest::sha256(&shown.certificate.to_der().unwrap()), ":").to_uppercase();
        // As openssl prints it.
        let done = trust(port, &["--tls-fingerprint", &format!("sha256 Fingerprint={colons}")]);
        assert_eq!(done.code, 0, "{what}: {}", done.all());
        assert!(told.recv_timeout(Duration::from_secs(5)).unwrap().contains("BEGIN CERTIFICATE"), "{what}");
    }
}

/// The fingerprint is compared on the same connection that carries the password.
#[test]
fn another_certificate_on_the_next_connection_is_refused() {
    let right = web(For::Name, None, false, 1);
    // The same name and the same key, but another certificate.
    let other = web(For::Name, None, false, 2);
    let (port, told) = rest(&[right.clone(), other], "201 Created", "{}");
    let pin = ["--tls-fingerprint", &right.fingerprint()];
    let done = trust(port, &pin);
    assert_eq!(done.code, 0, "{}", done.all());
    told.recv_timeout(Duration::from_secs(5)).unwrap();
    let refused = trust(port, &pin);
    assert_eq!(refused.code, 5, "{}", refused.all());
    assert!(refused.stderr.contains("is not trusted"), "{}", refused.stderr);
    assert!(refused.stderr.contains("nothing was sent"), "{}", refused.stderr);
    nothing_was_sent(&told, 1);
}

/// A handshake that arrives byte by byte, each before the read timeout.
#[test]
fn a_slow_handshake_ends_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut tcp in listener.incoming().flatten() {
            thread::spawn(move || {
                // A record of 16 KiB is announced.
                let _ = tcp.write_all(&[0x16, 3, 3, 0x40, 0]);
                for _ in 0..60 {
                    if tcp.write_all(&[2]).is_err() {
                        return;
                    }
                    thread::sleep(Duration::from_millis(200));
                }
            });
        }
    });
    for trust in [TlsTrust::System, TlsTrust::Fingerprint("ab".repeat(32))] {
        let mut store = TrustStore::new("127.0.0.1", port, "admin", "Re5t-password".to_owned().into(), trust);
        store.limit = Duration::from_secs(2);
        let error = store.upload("Phone-SAST-trust", &pki::token("SAST-ADN008580ef")).unwrap_err();
        assert!(matches!(error, HttpError::Reach { .. }), "{error}");
        assert!(error.to_string().contains("timeout"), "{error}");
    }
}
