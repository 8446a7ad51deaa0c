//! TFTP with servers that lose, repeat, reorder and refuse packets.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

use sastctl::cluster::tftp::{self, Packet, TftpError, TftpServer};

use crate::pki;
use crate::support::World;

/// A TFTP server with any behaviour: a function gets the request and the socket of the transfer.
pub fn tftp_server(behaves: impl Fn(&[u8], &UdpSocket) + Send + 'static) -> TftpServer {
    let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((n, from)) = listener.recv_from(&mut buffer) {
            let transfer = UdpSocket::bind("127.0.0.1:0").unwrap();
            transfer.connect(from).unwrap();
            transfer.set_read_timeout(Some(Duration::from_millis(2_500))).unwrap();
            behaves(&buffer[..n], &transfer);
        }
    });
    TftpServer { host: "127.0.0.1".into(), port }
}

pub fn data(block: u16, bytes: &[u8]) -> Vec<u8> {
    [&[0, 3][..], &block.to_be_bytes(), bytes].concat()
}

/// The next packet of the client: the number of the block that it acknowledges.
pub fn acknowledged(transfer: &UdpSocket) -> Option<u16> {
    let mut buffer = [0; 600];
    let n = transfer.recv(&mut buffer).ok()?;
    (n >= 4 && buffer[1] == 4).then(|| u16::from_be_bytes([buffer[2], buffer[3]]))
}

const LIMIT: usize = 100_000;

#[test]
fn duplicate_and_foreign_tftp_packets_are_ignored() {
    let file = pki::golden_bytes("token-signed.tlv");
    let served = file.clone();
    let server = tftp_server(move |request, transfer| {
        assert!(request.starts_with(b"\0\x01CTLFile.tlv\0octet\0"), "{request:?}");
        let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
        let client = transfer.peer_addr().unwrap();
        // A server without options: blocks of 512 bytes.
        let blocks: Vec<&[u8]> = served.chunks(512).collect();
        for (index, block) in blocks.iter().enumerate() {
            let number = u16::try_from(index + 1).unwrap();
            transfer.send(&data(number, block)).unwrap();
            // A block with the same number from another port, a repeated block, and an old block.
            if index > 0 {
                stranger.send_to(&data(number, b"forged"), client).unwrap();
                transfer.send(&data(number - 1, blocks[index - 1])).unwrap();
            }
            while acknowledged(transfer).is_some_and(|n| n < number) {}
        }
    });
    assert!(tftp::get(&server, "CTLFile.tlv", LIMIT).unwrap() == file);
}

#[test]
fn lost_tftp_packets_are_requested_again() {
    let served = pki::golden_bytes("tokenless.tlv");
    let file = served.clone();
    let server = tftp_server(move |_, transfer| {
        let options = b"\0\x06blksize\x001428\0tsize\x004947\0";
        transfer.send(options).unwrap();
        assert_eq!(acknowledged(transfer), Some(0));
        for (index, block) in served.chunks(1428).enumerate() {
            let number = u16::try_from(index + 1).unwrap();
            // Every second block is lost once: the client repeats its acknowledgement and then gets the block.
            if index % 2 == 0 {
                assert_eq!(acknowledged(transfer), Some(number - 1));
            }
            transfer.send(&data(number, block)).unwrap();
            assert_eq!(acknowledged(transfer), Some(number));
        }
    });
    assert!(tftp::get(&server, "CTLFile.tlv", LIMIT).unwrap() == file);
}

#[test]
fn tftp_servers_that_misbehave_each_have_their_error() {
    let get = |server: &TftpServer| tftp::get(server, "CTLFile.tlv", 3_000).unwrap_err();
    let refused = get(&tftp_server(|_, t| drop(t.send(b"\0\x05\0\x01File not found\0"))));
    let not_found = matches!(refused, TftpError::Refused { code: 1, .. });
    assert!(not_found && refused.to_string().contains("File not found"), "{refused}");
    let announced = get(&tftp_server(|_, t| drop(t.send(b"\0\x06tsize\x0099999\0"))));
    assert!(matches!(announced, TftpError::TooLarge { limit: 3_000, .. }), "{announced}");
    let endless = get(&tftp_server(|_, t| {
        for block in 1..100 {
            t.send(&data(block, &[7; 512])).unwrap();
            if acknowledged(t).is_none() {
                return;
            }
        }
    }));
    assert!(matches!(endless, TftpError::TooLarge { .. }), "{endless}");
    let garbage = get(&tftp_server(|_, t| drop(t.send(b"HTTP/1.1 200"))));
    assert!(matches!(garbage, TftpError::Garbage { .. }), "{garbage}");
    let larger_blocks = get(&tftp_server(|_, t| drop(t.send(b"\0\x06blksize\x0065464\0"))));
    assert!(matches!(larger_blocks, TftpError::Garbage { .. }), "{larger_blocks}");
    let stops = get(&tftp_server(|_, t| drop(t.send(&data(1, &[1; 512])))));
    assert!(matches!(stops, TftpError::Stopped { got: 512, .. }), "{stops}");
    let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = get(&TftpServer { host: "127.0.0.1".into(), port: nobody.local_addr().unwrap().port() });
    assert!(matches!(silent, TftpError::Silent { .. }), "{silent}");
}

/// Repeated answers to the options do not count as progress.
#[test]
fn a_server_that_repeats_its_oack_ends_with_an_error() {
    let (tell, told) = std::sync::mpsc::channel();
    let server = tftp_server(move |_, transfer| {
        // The server stops, so that a faulty client would not run forever.
        for _ in 0..100 {
            transfer.send(b"\0\x06blksize\x001428\0").unwrap();
            if acknowledged(transfer) != Some(0) {
                return;
            }
            tell.send(()).unwrap();
        }
    });
    let error = tftp::get(&server, "CTLFile.tlv", LIMIT).unwrap_err();
    assert!(matches!(error, TftpError::Stopped { got: 0, .. }), "{error}");
    let acknowledged = told.try_iter().count();
    assert!(acknowledged <= 10, "{acknowledged} acknowledgements");
}

/// Each block arrives in time, but the file never ends.
#[test]
fn a_slow_transfer_ends_in_time() {
    let server = tftp_server(|_, transfer| {
        for block in 1..60 {
            thread::sleep(Duration::from_millis(200));
            if transfer.send(&data(block, &[7; 512])).is_err() || acknowledged(transfer) != Some(block) {
                return;
            }
        }
    });
    let error = tftp::get_within(&server, "CTLFile.tlv", LIMIT, Duration::from_secs(2)).unwrap_err();
    assert!(matches!(error, TftpError::TooSlow { got: 512.., .. }), "{error}");
    assert!(error.to_string().contains("within 2 s"), "{error}");
}

/// Answers the first request with a special packet, and sends the file in blocks of this size.
fn serves(file: Vec<u8>, first: Vec<u8>, block_size: usize) -> TftpServer {
    tftp_server(move |_, transfer| {
        if !first.is_empty() {
            transfer.send(&first).unwrap();
            if acknowledged(transfer) != Some(0) {
                return;
            }
        }
        for (index, block) in file.chunks(block_size).enumerate() {
            let number = u16::try_from(index + 1).unwrap();
            transfer.send(&data(number, block)).unwrap();
            if acknowledged(transfer) != Some(number) {
                return;
            }
        }
    })
}

/// The signature protects the list, so a server with incorrect options is still accepted.
#[test]
fn servers_may_deviate_from_the_rules_for_options() {
    let file = pki::golden_bytes("tokenless.tlv");
    for name in ["oack-unrequested-options", "oack-trailing-nul", "oack-tsize-1"] {
        let oack = pki::read(&format!("tests/testdata/field/tftp/{name}.bin"));
        let server = serves(file.clone(), oack, 1428);
        assert!(tftp::get(&server, "CTLFile.tlv", LIMIT).unwrap() == file, "{name}");
    }
    for (what, file) in [("several blocks", file.clone()), ("one block", file[..1_000].to_vec())] {
        let server = serves(file.clone(), vec![], 1428);
        assert!(tftp::get(&server, "CTLFile.tlv", LIMIT).unwrap() == file, "{what}");
    }
}

#[test]
fn a_server_that_refuses_options_is_asked_without_them() {
    for refusal in
        [&b"\0\x05\0\x08option negotiation failed\0"[..], b"\0\x06blksize\x0065464\0", b"\0\x06blksize\0"]
    {
        let file = pki::golden_bytes("tokenless.tlv");
        let served = file.clone();
        let server = tftp_server(move |request, transfer| {
            if request != b"\0\x01CTLFile.tlv\0octet\0" {
                transfer.send(refusal).unwrap();
                return;
            }
            for (index, block) in served.chunks(512).enumerate() {
                let number = u16::try_from(index + 1).unwrap();
                transfer.send(&data(number, block)).unwrap();
                assert_eq!(acknowledged(transfer), Some(number));
            }
        });
        assert!(tftp::get(&server, "CTLFile.tlv", LIMIT).unwrap() == file);
    }
}

/// It must not be mistaken for a valid list: it gets another name, and the exit code is 1.
#[test]
fn a_file_that_does_not_verify_is_kept_under_another_name() {
    let world = World::new();
    let mut damaged = pki::golden_bytes("tokenless.tlv");
    damaged[700] ^= 1;
    let port = serves(damaged.clone(), vec![], 512).port.to_string();
    let fetch =
        ["cluster", "fetch", "--node", "127.0.0.1", "--alone", "--file", "CTLFile.tlv", "--tftp-port", &port];
    let fetched = world.run(&fetch);
    assert_eq!(fetched.code, 1, "{}", fetched.all());
    assert!(fetched.stderr.contains("a fetched file is not verified"), "{}", fetched.stderr);
    assert!(fetched.stderr.contains("CTLFile.unverified.tlv"), "{}", fetched.stderr);
    assert!(world.read("CTLFile.unverified.tlv") == damaged);
    assert!(!world.path("CTLFile.tlv").exists());
}

/// A node answers 503 for a file that it does not have.
#[test]
fn a_server_that_is_unavailable_may_only_lack_the_file() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let http = listener.local_addr().unwrap().port().to_string();
    thread::spawn(move || {
        for mut tcp in listener.incoming().flatten() {
            let _ = tcp.read(&mut [0; 2048]);
            let _ = tcp.write_all(
                b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        }
    });
    let closed = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let world = World::new();
    let fetch =
        ["cluster", "fetch", "--node", "127.0.0.1", "--alone", "--tftp-port", &closed, "--http-port", &http];
    let fetched = world.run(&fetch);
    assert_eq!(fetched.code, 5, "{}", fetched.all());
    let says = "CUCM also answers 503 if the file does not exist";
    assert!(fetched.stderr.contains(says), "{}", fetched.stderr);
}

#[test]
fn packet_types_are_distinguished() {
    assert_eq!(Packet::decode(&[0, 3, 0, 7, 1, 2]), Some(Packet::Data { block: 7, data: vec![1, 2] }));
    let error = Packet::Error { code: 1, says: "File not found".into() };
    assert_eq!(Packet::decode(b"\0\x05\0\x01File not found\0"), Some(error));
    let options = vec![("blksize".into(), "1428".into()), ("tsize".into(), "5728".into())];
    assert_eq!(Packet::decode(b"\0\x06BLKSIZE\x001428\0tsize\x005728\0"), Some(Packet::Options(options)));
    for wrong in [&b""[..], b"\0", b"\0\x01x\0octet\0", b"\0\x06blksize\0", b"\0\x03\0", b"\xff\xff\0\0"] {
        assert_eq!(Packet::decode(wrong), None, "{wrong:?}");
    }
}
