//! File names that lists may contain and phones request.

use trustlist::{is_file_name, is_tftp_name};

#[test]
fn a_tftp_name_may_have_folders_and_never_leaves() {
    for good in ["CTLFile.tlv", "Desktops/320x212x16/List.xml.sgn", "a/b"] {
        assert!(is_tftp_name(good), "{good:?}");
    }
    for wrong in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/..", "./a", "a/.b", "a\\b", "a/b\0"] {
        assert!(!is_tftp_name(wrong), "{wrong:?}");
    }
}

#[test]
fn a_file_name_is_one_in_the_folder() {
    for good in ["CTLFile.tlv", "CTLSEP001122334455.tlv", "a..b", "Ü 1.tlv"] {
        assert!(is_file_name(good), "{good:?}");
    }
    for wrong in
        ["", ".", "..", ".bashrc", "../x.tlv", "/etc/passwd", "a/b", "a\\b", "x\n", "x\0", "\u{9b}2J"]
    {
        assert!(!is_file_name(wrong), "{wrong:?}");
    }
}
