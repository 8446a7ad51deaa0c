//! Servers that a phone would not accept: another certificate, old TLS, hostile answers, no answer.

use std::io::Write as _;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use openssl::ssl::ShutdownState;
use sastctl::phone::tvs::timed_out;

use crate::support::tvs::{
    Age, Behaviour, TVS_1024, TVS_2048, VALID, answer, answers, question, says_valid, serve,
};
use crate::tvs::{check, decision, itl, world};

/// The server's certificate is in the ITL, or its hash is; a phone refuses a server with another certificate.
#[test]
fn the_servers_certificate_is_checked_against_the_itl() {
    let world = world();
    for (in_itl, by_hash, shown, known) in [
        (TVS_2048, false, TVS_2048, true),
        (TVS_2048, true, TVS_2048, true),
        (TVS_2048, true, "tests/testdata/keys/rsa3072", false),
        ("tests/testdata/keys/rsa3072", false, TVS_2048, false),
    ] {
        itl(&world, in_itl, by_hash);
        let server = serve(shown, Age::Today, says_valid);
        let outcome = check(&world, &["--installed-itl", "ITLFile.tlv", "--tvs", &server.address]);
        let accepted = outcome.stdout.contains("accept (by TVS)");
        assert_eq!(accepted, known, "{}", outcome.all());
        if !known {
            assert!(outcome.stdout.contains("REFUSE"), "it is the only TVS of that ITL: {}", outcome.all());
            assert!(outcome.stdout.contains("not in the TVS records of the ITL"), "{}", outcome.all());
            assert!(outcome.stderr.contains("phones would not connect to it"), "{}", outcome.all());
        }
    }
}

#[test]
fn an_old_server_needs_an_option() {
    let world = world();
    itl(&world, TVS_1024, true);
    let server = serve(TVS_1024, Age::Old, says_valid);
    let hint = check(&world, &["--installed-itl", "ITLFile.tlv", "--tvs", &server.address]);
    assert!(hint.stdout.contains("offers only old TLS"), "{}", hint.all());
    assert!(hint.stderr.contains("--legacy-tls"), "{}", hint.all());

    let server = serve(TVS_1024, Age::Old, says_valid);
    let reached = check(
        &world,
        &["--installed-itl", "ITLFile.tlv", "--tvs", &server.address, "--legacy-tls", "--json"],
    );
    assert_eq!(decision(&reached, "security-by-default"), "accepts by tvs", "{}", reached.all());
    assert_eq!(reached.json()["tvs"][0]["tls"], "TLSv1");
}

/// Other servers that may use the port, each with its own error.
#[test]
fn hostile_answers_each_have_their_own_error() {
    let cases: [(Behaviour, &str); 16] = [
        (
            |tls| {
                question(tls);
                tls.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
            },
            "did not answer like TVS",
        ),
        (
            |tls| {
                question(tls);
                tls.write_all(&[87, 1, 2, 0, 0]).unwrap();
            },
            "closed the connection after 5 of 10 bytes",
        ),
        (
            |tls| {
                let session = question(tls);
                let message = [&[87, 1, 4, 0][..], &session, &[0, 15], &VALID[..4]].concat();
                tls.write_all(&message).unwrap();
            },
            "closed the connection after 14 of 25 bytes",
        ),
        (
            // Without the end that TLS has for it.
            |tls| {
                question(tls);
                tls.write_all(&[87, 1]).unwrap();
                tls.set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
            },
            "closed the connection after 2 of 10 bytes",
        ),
        (
            // The system resets a connection that is closed while the question was not read.
            |tls| {
                tls.write_all(&[87, 1]).unwrap();
                thread::sleep(Duration::from_millis(200));
                tls.set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
            },
            "reset",
        ),
        (
            |tls| {
                let session = question(tls).map(|b| b.wrapping_add(1));
                answer(tls, session, answers(), &VALID);
            },
            "answered session",
        ),
        (
            |tls| {
                let session = question(tls);
                answer(tls, session, 2, &VALID);
            },
            "answered with command 2 instead of 4",
        ),
        (
            |tls| {
                let session = question(tls);
                answer(tls, session, answers(), &[9, 0, 4, 0, 1, 0x51, 0x80]);
            },
            "without saying valid or invalid (no status)",
        ),
        (
            |tls| {
                let session = question(tls);
                answer(tls, session, answers(), &[7, 0, 1, 9]);
            },
            "without saying valid or invalid (status 9)",
        ),
        (
            |tls| {
                let session = question(tls);
                answer(tls, session, answers(), &[7, 0, 200, 0]);
            },
            "in the middle of an element's value",
        ),
        (
            |tls| {
                let session = question(tls);
                answer(tls, session, answers(), &[7, 0, 1, 1, 7, 0, 1, 0]);
            },
            "occurs twice",
        ),
        (
            |tls| {
                let session = question(tls);
                answer(tls, session, answers(), &[7, 0]);
            },
            "in the middle of an element's head",
        ),
        (
            |tls| {
                let session = question(tls);
                answer(tls, session, answers(), &[7, 0, 2, 0, 0]);
            },
            "element 7 has 2 bytes instead of 1 (byte 10)",
        ),
        (
            |tls| {
                let session = question(tls);
                answer(tls, session, answers(), &[9, 0, 3, 0, 0, 0]);
            },
            "element 9 has 3 bytes instead of 4 (byte 10)",
        ),
        (
            |tls| {
                question(tls);
                thread::sleep(Duration::from_secs(4));
            },
            "did not answer within 1 s (waiting for the answer)",
        ),
        (
            // A byte every 300 ms: each read is in time, but the whole answer is too slow.
            |tls| {
                let session = question(tls);
                for byte in [&[87, 1, 4, 0][..], &session, &[0, 15], &VALID].concat() {
                    thread::sleep(Duration::from_millis(300));
                    if tls.write_all(&[byte]).is_err() {
                        return;
                    }
                }
            },
            "did not answer within 1 s (waiting for the answer)",
        ),
    ];
    let world = world();
    for (behaviour, words) in cases {
        let server = serve(TVS_2048, Age::Today, behaviour);
        // Only a server that is too slow needs a short limit.
        let limit = if words.contains("within 1 s") { "1" } else { "30" };
        let outcome = check(&world, &["--tvs", &server.address, "--tvs-timeout", limit]);
        assert_eq!(outcome.code, 1, "{words}: {}", outcome.all());
        assert!(outcome.stdout.contains(words), "{words}: {}", outcome.all());
        assert!(outcome.stdout.contains("cannot be known"), "no answer is no verdict: {}", outcome.all());
    }
}

/// Each request has its own id, which the answer repeats; an answer may come in pieces.
#[test]
fn an_answer_comes_in_pieces() {
    let world = world();
    let in_pieces: Behaviour = |tls| {
        let session = question(tls);
        let message = [&[87, 1, answers(), 0][..], &session, &[0, 15], &VALID].concat();
        for piece in message.chunks(7) {
            thread::sleep(Duration::from_millis(50));
            tls.write_all(piece).unwrap();
        }
    };
    let ids = [(); 2].map(|()| {
        let server = serve(TVS_2048, Age::Today, in_pieces);
        let outcome = check(&world, &["--tvs", &server.address]);
        assert!(outcome.stdout.contains("says valid"), "{}", outcome.all());
        server.asked.recv().unwrap()[4..8].to_vec()
    });
    assert_ne!(ids[0], ids[1]);
}

/// No server, a server that is silent, and a server without TLS.
#[test]
fn ports_without_a_tls_server_are_reported() {
    let world = world();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let outcome = check(&world, &["--tvs", &closed]);
    assert!(outcome.stdout.contains(&format!("no connection to {closed}")), "{}", outcome.all());
    assert!(outcome.stderr.contains("TVS listens on TCP 2445"), "{}", outcome.all());

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let outcome = check(&world, &["--tvs", &address, "--tvs-timeout", "1"]);
    assert!(outcome.stdout.contains("did not answer within 1 s (the TLS handshake)"), "{}", outcome.all());

    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut tcp, _) = plain.accept().unwrap();
        let _ = tcp.write_all(b"220 ready\r\n");
        thread::sleep(Duration::from_secs(2));
    });
    let outcome = check(&world, &["--tvs", &address]);
    assert!(outcome.stdout.contains(&format!("TLS with {address} failed")), "{}", outcome.all());
    assert!(!outcome.stderr.contains("--legacy-tls"), "{}", outcome.all());

    let wrong = check(&world, &["--tvs", "a b"]);
    assert_eq!(wrong.code, 2);
}

#[test]
fn a_socket_timeout_is_not_retried() {
    use std::io::ErrorKind::{ConnectionReset, TimedOut, WouldBlock};
    assert_eq!(timed_out(WouldBlock.into()).kind(), TimedOut);
    assert_eq!(timed_out(ConnectionReset.into()).kind(), ConnectionReset);
}
