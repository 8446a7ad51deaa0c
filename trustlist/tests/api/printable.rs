//! Text from outside, as it is shown.

use trustlist::{printable, printable_json, printable_lines};

#[test]
fn what_is_not_shown_becomes_visible_and_names_stay() {
    assert_eq!(printable("a\u{1b}[2Jb\0\n\u{9b}\u{7f}"), r"a\u{1b}[2Jb\u{0}\n\u{9b}\u{7f}");
    for hidden in [
        "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}",
        "\u{2066}\u{2067}\u{2068}\u{2069}",
        "\u{200e}\u{200f}\u{61c}",
    ]
    .into_iter()
    .chain([
        "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}",
        "\u{2028}\u{2029}\u{85}",
        "\u{ad}\u{3164}\u{e0041}",
    ]) {
        let shown = printable(hidden);
        assert!(shown.is_ascii() && shown.matches("\\u{").count() == hidden.chars().count(), "{shown}");
    }
    for name in ["Ж ü e\u{301} 日本 مصر हिन्दी \u{26a0}\u{fe0f}", "a\\b \"c\""] {
        assert_eq!(printable(name), name);
    }
    assert_eq!(printable_lines("a\tb\u{200b}\n\r\nc\u{2028}\n"), "a\tb\\u{200b}\n\\r\nc\\u{2028}\n");
}

#[test]
fn json_is_decoded_to_what_it_was() {
    let value = "a\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}ü\n";
    let json = printable_json(&serde_json::to_string_pretty(&[value]).unwrap());
    assert_eq!(json, "[\n  \"a\\u001b\\u007f\\u009b\\u202e\\udb40\\udc41ü\\n\"\n]");
    assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [value]);
}
