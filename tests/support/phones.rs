//! Phones that are web servers: their pages are written from the field notes, model by model. A phone has an address on loopback;
//! what it shows and how it behaves are values.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use openssl::hash::MessageDigest;
use openssl::ssl::{SslAcceptor, SslMethod};

use crate::pki;

pub const HTTP: u16 = 18080;
pub const HTTPS: u16 = 18443;

/// How a phone behaves.
#[derive(Clone)]
pub enum Behaviour {
    /// Answers each of these paths with a page, and anything else with 404.
    Pages(Vec<(&'static str, String)>),
    /// The same, by HTTPS alone, with a certificate of 1024 bits as phones have.
    OnlyHttps(Vec<(&'static str, String)>),
    /// HTTP sends every reader to HTTPS.
    RedirectsToHttps(Vec<(&'static str, String)>),
    /// Accepts the connection, and is silent.
    Silent,
    /// Sends one byte each second.
    Slow,
    /// Sends these bytes, whatever is asked.
    Says(Vec<u8>),
    /// Sends a page that does not end.
    Endless,
    /// Web access is off.
    Closed,
}

/// Starts a phone; its address.
pub fn phone(behaviour: Behaviour) -> String {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let number = STARTED.fetch_add(1, Ordering::SeqCst);
    let pid = std::process::id();
    let address = format!("127.{}.{}.{}", 100 + pid / 250 % 100, 1 + pid % 250, 1 + number % 250);
    let http = |serve: fn(&mut dyn Stream, &Behaviour)| {
        let listener = TcpListener::bind((&*address, HTTP)).unwrap();
        let behaviour = behaviour.clone();
        thread::spawn(move || {
            for tcp in listener.incoming() {
                let behaviour = behaviour.clone();
                thread::spawn(move || serve(&mut tcp.unwrap(), &behaviour));
            }
        });
    };
    match &behaviour {
        Behaviour::Closed => return address,
        Behaviour::OnlyHttps(_) => {}
        _ => http(answer),
    }
    if let Behaviour::OnlyHttps(pages) | Behaviour::RedirectsToHttps(pages) = &behaviour {
        let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
        acceptor.set_security_level(0);
        let stem = "tests/testdata/pki/cucm8-tvs";
        acceptor
            .set_private_key_file(pki::path(&format!("{stem}.key.pem")), openssl::ssl::SslFiletype::PEM)
            .unwrap();
        acceptor
            .set_certificate_file(pki::path(&format!("{stem}.der")), openssl::ssl::SslFiletype::ASN1)
            .unwrap();
        let acceptor = acceptor.build();
        let listener = TcpListener::bind((&*address, HTTPS)).unwrap();
        let pages = Behaviour::Pages(pages.clone());
        thread::spawn(move || {
            for tcp in listener.incoming() {
                if let Ok(mut tls) = acceptor.accept(tcp.unwrap()) {
                    answer(&mut tls, &pages);
                }
            }
        });
    }
    address
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn answer(stream: &mut dyn Stream, behaviour: &Behaviour) {
    let mut head = String::new();
    let mut reader = BufReader::new(&mut *stream);
    while reader.read_line(&mut head).is_ok_and(|count| count > 2) {}
    let target = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let html = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let text = match behaviour {
        Behaviour::Pages(pages) | Behaviour::OnlyHttps(pages) => {
            match pages.iter().find(|(path, _)| *path == target) {
                Some((_, page)) => html("200 OK", page),
                None => html("404 Not Found", "requested URL was not found"),
            }
        }
        Behaviour::RedirectsToHttps(_) => {
            let host =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("host: ").map(str::to_owned));
            let host = host.unwrap().split(':').next().unwrap().to_owned();
            format!("HTTP/1.1 302 Found\r\nLocation: https://{host}{target}\r\nContent-Length: 0\r\n\r\n")
        }
        Behaviour::Silent => return thread::sleep(Duration::from_secs(60)),
        Behaviour::Slow => {
            for byte in html("200 OK", "<html>").bytes() {
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                thread::sleep(Duration::from_secs(1));
            }
            return;
        }
        Behaviour::Says(bytes) => return drop(stream.write_all(bytes)),
        Behaviour::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>");
            while stream.write_all(&[b'x'; 4096]).is_ok() {}
            return;
        }
        Behaviour::Closed => return,
    };
    let _ = stream.write_all(text.as_bytes());
}

pub const SERVICEABILITY: &str = "/CGI/Java/Serviceability?adapter=device.statistics.configuration";
pub const MESSAGES: &str = "/CGI/Java/Serviceability?adapter=device.settings.status.messages";

/// A page as phones of the 8800 series write it: three cells a row, the middle one empty, and signs as entities.
pub fn page(title: &str, rows: &[(&str, &str)]) -> String {
    let rows: String = rows
        .iter()
        .map(|(label, value)| {
            let value: String = value
                .chars()
                .map(
                    |c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("&#x{:X};", c as u32) },
                )
                .collect();
            format!("<TR><TD><B> {label}</B></TD><td width=20></TD><TD><B>{value}</B></TD></TR>\n")
        })
        .collect();
    format!(
        "<HTML><HEAD><TITLE>Cisco Systems, Inc.</TITLE><style>td {{ color: red }}</style></HEAD><BODY><H1>{title}</H1>\
         <TABLE BORDER=0>{rows}</TABLE></BODY></HTML>"
    )
}

/// The network page of a phone that holds a CTL with this checksum.
pub fn network(ctl: &str) -> String {
    network_of(ctl, "11 22 33 44 55 66 77 88 99 AA BB CC DD EE FF 00")
}

/// The network page of a phone that holds lists with these checksums.
pub fn network_of(ctl: &str, itl: &str) -> String {
    page(
        "Network Setup",
        &[
            ("MAC address", "001122334455"),
            ("TFTP server 1", "10.1.2.3"),
            ("CTL file", ctl),
            ("ITL file", itl),
            ("TVS", "10.1.2.3"),
            ("Security mode", "Encrypted"),
        ],
    )
}

/// The page of the status messages: a line each.
pub fn messages(lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("<TR><TD><B>{line}</B></TD></TR>\n")).collect();
    format!("<HTML><BODY><H1>Status Messages</H1><TABLE>{lines}</TABLE></BODY></HTML>")
}

/// The MD5 of a list as phones show it: pairs.
pub fn md5_pairs(bytes: &[u8]) -> String {
    let md5 = super::lists::hash(MessageDigest::md5(), bytes);
    md5.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
}
