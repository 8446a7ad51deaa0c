//! The text that a terminal shows for the bytes of a shell.

use sastctl::cluster::shell::Screen;

fn shown(bytes: &[u8]) -> (Vec<String>, String) {
    let mut screen = Screen::default();
    screen.feed(bytes);
    (screen.lines().to_vec(), screen.last_line())
}

#[test]
fn the_text_on_the_screen_is_read() {
    assert_eq!(shown(b"admin:show ctl\r\n\r\nadmin:").0, ["admin:show ctl", ""]);
    assert_eq!(shown(b"\x1b[1;32madmin:\x1b[0m").1, "admin:");
    assert_eq!(shown(b"Progress 10%\rProgress 100%").1, "Progress 100%");
    assert_eq!(shown(b"tpyo\x08\x08\x08ypo").1, "typo");
    assert_eq!(shown(b"abc\x08 \x08\x08 \x08").1.trim_end(), "a");
    assert_eq!(shown(b"press q\r\x1b[Knext").1, "next");
    assert_eq!(shown("gru\u{fc}\u{df}e".as_bytes()).1, "gru\u{fc}\u{df}e");
    assert_eq!(shown(b"\xff\xfeok").1, "\u{fffd}\u{fffd}ok");
    assert_eq!(shown(b"\x1b]0;title\x07admin:").1, "admin:");
    assert_eq!(shown(b"\xc2\x9b2Jadmin:").1, "2Jadmin:", "a control character of two bytes shows nothing");
}

#[test]
fn where_the_bytes_are_cut_makes_no_difference() {
    let words = "\x1b[2J\x1b[1;1Hadmin:show\u{e9}\r\n\x1b[7mPress\x1b[0m\r\x1b[Kx\x08y\r\nadmin:";
    // A byte that begins no character, a control character of two bytes, and a sequence behind a character.
    let stream = &[words.as_bytes(), b"\xd2\xc2\x83\xc3\xa9\x1b\xaex"].concat()[..];
    let whole = shown(stream);
    for cut in 0..stream.len() {
        let mut screen = Screen::default();
        screen.feed(&stream[..cut]);
        screen.feed(&stream[cut..]);
        assert_eq!((screen.lines().to_vec(), screen.last_line()), whole, "cut at {cut}");
    }
}
