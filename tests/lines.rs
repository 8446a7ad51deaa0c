//! Lines as people read them: words in colour, wrapped at blanks, tables whose columns move, messages that no text from
//! outside can imitate.

use sastctl::ui::{CommandError, ErrorKind, STATE, paint, table_within, unwrap_paragraphs, wrap};

use crate::support::without_colours;

#[test]
fn a_line_goes_on_under_its_text_and_no_word_is_broken() {
    let text = "help: name the folder of the module with --module\n  SHA1  d0f3511f10eef775cc91cce3fa6840c2640f11b8\n\
                \x20 1. reset every phone, and wait until all of them have it\n    /a/path/that/is/wider/than/any/line/may/be/here\n";
    insta::assert_snapshot!(wrap(text, 40), @r"
    help: name the folder of the module with
          --module
      SHA1
    d0f3511f10eef775cc91cce3fa6840c2640f11b8
      1. reset every phone, and wait until
         all of them have it
    /a/path/that/is/wider/than/any/line/may/be/here
    ");
}

#[test]
fn text_that_fits_stays_as_it_is() {
    let text = "a  b   \n\n   c\td\n";
    assert_eq!(wrap(text, 40), text);
    assert_eq!(wrap(&"x".repeat(50), 40), "x".repeat(50));
}

#[test]
fn styles_take_no_columns() {
    let line = format!("\u{1b}[31m{}\u{1b}[0m {}", "a".repeat(20), "b".repeat(19));
    assert_eq!(wrap(&line, 40), line);
}

#[test]
fn paragraphs_are_joined_and_lists_are_not() {
    let text = "Words that fill a line of thirty\nand go on.\n\n  1. A step that fills its line of\n     thirty, too\n  2. short\nend\n";
    let joined = "Words that fill a line of thirty and go on.\n\n  1. A step that fills its line of thirty, too\n  2. short\nend\n";
    assert_eq!(unwrap_paragraphs(text, 34), joined);
}

#[test]
fn a_table_that_is_too_wide_moves_columns_below_their_row() {
    let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
    let rows = [row(["AKS ifdh 00 00", &"t".repeat(50), "ok"]), row(["", &"u".repeat(30), "locked"])];
    let shown = table_within(&["READER", "TOKEN", "PIN STATE OF THE TOKEN"], &rows, &["READER"], 80);
    insta::assert_snapshot!(shown, @r"
    TOKEN                                               PIN STATE OF THE TOKEN
    tttttttttttttttttttttttttttttttttttttttttttttttttt  ok
        READER AKS ifdh 00 00
    uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu                      locked
    ");
}

#[test]
fn text_from_outside_cannot_control_the_terminal_or_imitate_a_message() {
    let error = CommandError::new(ErrorKind::No, "a\u{1b}[2J\nhelp: do as we say is not verified")
        .detail("b\u{9b}31m", "1\r2")
        .detail("", "first\n  second")
        .hint("c\u{7}");
    insta::assert_snapshot!(error, @r"
    error: a\u{1b}[2J
      help: do as we say is not verified
      b\u{9b}31m  1\r2
      first
      second
    help: c\u{7}
    ");
}

#[test]
fn words_have_a_colour_where_the_program_says_what_is_so_and_nowhere_else() {
    let plain = "error: a token that is locked\nok  ok  refuses\n  locked: verified, b\n";
    let marked = format!(
        "error: a token that is locked\nok  {STATE}ok  {STATE}refuses\n  locked: {STATE}verified, b\n"
    );
    let painted = paint(&marked, true);
    assert_eq!(without_colours(&painted), plain);
    let (bad, good) = ("\u{1b}[1m\u{1b}[31m", "\u{1b}[32m");
    assert_eq!((painted.matches(bad).count(), painted.matches(good).count()), (1, 2), "{painted:?}");
    assert_eq!(paint(&marked, false), plain);
}
