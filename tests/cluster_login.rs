//! From any state of a console to the prompt of the shell: within a time limit, and with one try of the password.

use std::collections::VecDeque;
use std::time::Duration;

use sastctl::cluster::console::Console;
use sastctl::cluster::console::serial::log_in;
use sastctl::cluster::shell::Shell;
use sastctl::cluster::{ClusterError, ConsoleError};

/// A console in memory with its own clock: it answers what it receives, and may send text all the time.
struct Line {
    clock: Duration,
    coming: VecDeque<Vec<u8>>,
    answers: Box<dyn FnMut(&str) -> String>,
    chatter: Option<String>,
    sent: Vec<String>,
}

impl Line {
    fn new(first: &str, answers: impl FnMut(&str) -> String + 'static) -> Self {
        let coming = [first.as_bytes().to_vec()].into();
        Line { clock: Duration::ZERO, coming, answers: Box::new(answers), chatter: None, sent: vec![] }
    }

    fn count(&self, sent: &str) -> usize {
        self.sent.iter().filter(|s| *s == sent).count()
    }
}

impl Console for Line {
    fn node(&self) -> &str {
        "node"
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let answer = (self.answers)(&text);
        self.sent.push(text);
        if !answer.is_empty() {
            self.coming.push_back(answer.into_bytes());
        }
        Ok(())
    }

    fn receive(&mut self, patience: Duration) -> Result<Vec<u8>, ConsoleError> {
        // Without this end, the test could run forever.
        if self.clock > Duration::from_secs(1_000) {
            return Err(ConsoleError::Closed { node: "the test".into() });
        }
        if let Some(bytes) = self.coming.pop_front() {
            self.clock += Duration::from_millis(10);
            return Ok(bytes);
        }
        if let Some(chatter) = &self.chatter {
            self.clock += Duration::from_millis(50);
            return Ok(chatter.clone().into_bytes());
        }
        self.clock += patience;
        Ok(vec![])
    }

    fn elapsed(&self) -> Duration {
        self.clock
    }
}

/// A login dialogue at a password question that another user left open.
fn left_at_password(right: &'static str) -> Line {
    let mut user = Some("somebody");
    Line::new("\r\ncucm-pub login: somebody\r\nPassword: ", move |sent| {
        let wrong = "\r\nLogin incorrect\r\n\r\ncucm-pub login: ".to_owned();
        match (user, sent) {
            (None, "admin\n") => {
                user = Some("admin");
                "admin\r\nPassword: ".to_owned()
            }
            (None, _) => "\r\ncucm-pub login: ".to_owned(),
            (Some("admin"), sent) if sent.trim() == right => "\r\nLast login: Friday\r\nadmin:".to_owned(),
            (Some(_), _) => {
                user = None;
                wrong
            }
        }
    })
}

#[test]
fn a_login_that_another_user_left_unfinished_is_not_continued() {
    let mut line = left_at_password("s3cret");
    log_in(&mut line, "admin", "s3cret").unwrap();
    assert_eq!(line.count("s3cret\n"), 1, "{:?}", line.sent);
    let mut line = left_at_password("another");
    let refused = log_in(&mut line, "admin", "s3cret").unwrap_err();
    assert!(matches!(refused, ConsoleError::LoginRefused { ref user, .. } if user == "admin"), "{refused}");
    assert_eq!(line.count("s3cret\n"), 1, "{:?}", line.sent);
}

/// After the correct password the node asks for a new password or a code: only a person may answer that.
#[test]
fn a_question_for_another_secret_ends_the_login() {
    for question in ["(current) UNIX password:", "New password:", "Enter PASSCODE:", "Password:"] {
        let mut line = Line::new("cucm-pub login: ", move |sent| match sent {
            "admin\n" => "admin\r\nPassword: ".to_owned(),
            _ => format!("\r\nYour password has expired.\r\n{question} "),
        });
        let error = log_in(&mut line, "admin", "s3cret").unwrap_err();
        assert!(matches!(error, ConsoleError::Asked { .. }), "{error}");
        assert!(error.to_string().ends_with(&format!("expired. / {question}")), "{error}");
        assert_eq!(line.sent.last().map(String::as_str), Some("s3cret\n"), "{:?}", line.sent);
        assert_eq!(line.count("s3cret\n"), 1, "{:?}", line.sent);
    }
}

#[test]
fn a_line_that_never_stops_sending_ends_with_an_error() {
    let mut flooding = Line::new("", |_| String::new());
    flooding.chatter = Some("eth0: link is down\r\n".repeat(100_000));
    let error = log_in(&mut flooding, "admin", "s3cret").unwrap_err();
    assert!(matches!(error, ConsoleError::TooMuch { .. }), "{error}");
    assert!(flooding.clock < Duration::from_secs(5), "{:?}", flooding.clock);
}

#[test]
fn a_line_without_a_prompt_ends_with_an_error() {
    let mut chattering = Line::new("", |_| String::new());
    chattering.chatter = Some("eth0: link is down\r\n".to_owned());
    let endless = Line::new("Password: ", |_| "\r\nPassword: ".to_owned());
    for mut line in [chattering, endless] {
        let error = log_in(&mut line, "admin", "s3cret").unwrap_err();
        assert!(error.to_string().contains("waited for 90 s"), "{error}");
        assert!(line.clock < Duration::from_secs(100), "{:?}", line.clock);
        assert_eq!(line.count("s3cret\n"), 0);
    }
}

#[test]
fn a_shell_that_repeats_its_question_ends_with_an_error() {
    let pager = "Press <enter> for 1 line, <space> for one page, or <q> to quit";
    for question in ["\r\nDo you want to continue? (y/n): ", pager] {
        let line = Line::new(question, move |_| question.to_owned());
        match Shell::open(line).err() {
            Some(ClusterError::Console(ConsoleError::NoPrompt { says, .. })) => {
                assert!(says.ends_with(question.trim()), "{says}");
            }
            other => panic!("{question}: {other:?}"),
        }
    }
}

/// A prompt without the echo of the command may be the old prompt: it is not an answer, and the wait ends at the time limit.
#[test]
fn a_command_without_an_echo_ends_in_time() {
    let line = Line::new("admin:", |_| "admin:".to_owned());
    match Shell::open(line).err() {
        Some(ClusterError::Timeout { command, .. }) => assert_eq!(command, "set cli pagination off"),
        other => panic!("{other:?}"),
    }
}
