//! A Trust Verification Service on loopback, correct or faulty.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use openssl::pkey::PKey;
use openssl::ssl::{SslAcceptor, SslMethod, SslOptions, SslStream, SslVersion};
use openssl::x509::X509;

use crate::pki;

/// Certificate and key of a server: below the project, without `.der` and `.key.pem`.
pub const TVS_1024: &str = "tests/testdata/pki/cucm8-tvs";
pub const TVS_2048: &str = "tests/testdata/keys/rsa2048";

/// What a server does with one connection.
pub type Behaviour = fn(&mut SslStream<TcpStream>);

/// How old the server is.
#[derive(Clone, Copy, PartialEq)]
pub enum Age {
    Today,
    /// TLS 1.0 and RSA 1024, as in the days of the 7900 series.
    Old,
}

/// Serves one connection; returns the request after the connection ended.
pub struct Server {
    pub address: String,
    pub asked: mpsc::Receiver<Vec<u8>>,
}

thread_local! {
    static REQUEST: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

pub fn serve(certificate: &str, age: Age, behaviour: Behaviour) -> Server {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    builder.set_cipher_list("ALL:@SECLEVEL=0").unwrap();
    let key = String::from_utf8(pki::read(&format!("{certificate}.key.pem"))).unwrap();
    builder.set_private_key(&PKey::private_key_from_pem(key.as_bytes()).unwrap()).unwrap();
    builder.set_certificate(&X509::from_der(&pki::read(&format!("{certificate}.der"))).unwrap()).unwrap();
    if age == Age::Old {
        builder.clear_options(SslOptions::NO_TLSV1 | SslOptions::NO_TLSV1_1);
        builder.set_min_proto_version(Some(SslVersion::TLS1)).unwrap();
        builder.set_max_proto_version(Some(SslVersion::TLS1)).unwrap();
        // The key exchange that Cisco's logs show.
        builder.set_cipher_list("AES256-SHA:@SECLEVEL=0").unwrap();
    }
    let acceptor = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, asked) = mpsc::channel();
    thread::spawn(move || {
        let (tcp, _) = listener.accept().unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // A client that refuses the handshake is one of the stories.
        let Ok(mut tls) = acceptor.accept(tcp) else { return };
        behaviour(&mut tls);
        let _ = tls.shutdown();
        let _ = tell.send(REQUEST.with_borrow(Clone::clone));
    });
    Server { address, asked }
}

/// Reads the question; its session id.
pub fn question(tls: &mut SslStream<TcpStream>) -> [u8; 4] {
    let mut header = [0; 10];
    tls.read_exact(&mut header).unwrap();
    let mut body = vec![0; usize::from(u16::from_be_bytes([header[8], header[9]]))];
    tls.read_exact(&mut body).unwrap();
    REQUEST.with_borrow_mut(|r| *r = [&header[..], &body].concat());
    header[4..8].try_into().unwrap()
}

/// The command that answers the question which was read last.
pub fn answers() -> u8 {
    REQUEST.with_borrow(|request| request[2] + 1)
}

pub fn answer(tls: &mut SslStream<TcpStream>, session: [u8; 4], command: u8, body: &[u8]) {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    let message = [&[87, 1, command, 0][..], &session, &length, body].concat();
    tls.write_all(&message).unwrap();
}

pub const VALID: [u8; 15] = [7, 0, 1, 0, 8, 0, 1, 0, 9, 0, 4, 0, 1, 0x51, 0x80];

pub fn says_valid(tls: &mut SslStream<TcpStream>) {
    let session = question(tls);
    answer(tls, session, answers(), &VALID);
}

pub fn says_invalid(tls: &mut SslStream<TcpStream>) {
    let session = question(tls);
    answer(tls, session, answers(), &[7, 0, 1, 1]);
}

/// An ITL that this CallManager signs, with this TVS: its certificate, or only the hash.
pub fn itl_of(publisher: &str, tvs: &str, by_hash: bool) -> Vec<u8> {
    use sastctl::trustlist::{Digest, Draft, Function, Record, ServerRecord, Style};
    let record = |stem: &str, function, hash_only| {
        let certificate = pki::certificate(&format!("{stem}.der"));
        let server = ServerRecord {
            function,
            certificate: &certificate,
            dns_name: "",
            ip_address: None,
            style: Style::Cucm,
            hash_only,
        };
        Record::server(&server).unwrap()
    };
    let records = vec![
        record(publisher, Function::SAST, false),
        record(publisher, Function::CCM_TFTP, false),
        record(tvs, Function::TVS, by_hash),
    ];
    let draft = Draft::new("ITLFile.tlv", records, pki::options(Digest::Sha1));
    draft.sign(&mut pki::KeyFile::open(publisher)).unwrap().list().bytes().to_vec()
}
