//! The reader of the admin shell with sessions as difficult as real ones: echoes, pagers, escape codes, cuts.

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;
use sastctl::cluster::console::Console;
use sastctl::cluster::shell::{Reply, Shell};
use sastctl::cluster::{ClusterError, ConsoleError};

use crate::support::rounds;

/// A node in memory with its own clock: its output arrives in pieces, with delays.
struct Node {
    clock: Duration,
    /// Pieces, each with the delay before it.
    pieces: VecDeque<(Duration, Vec<u8>)>,
    /// Its next actions, after it receives something.
    script: VecDeque<Heard>,
    heard: Vec<u8>,
    ended: bool,
}

/// The text that it waits for, and its answer.
struct Heard {
    until: Vec<u8>,
    says: Vec<(Duration, Vec<u8>)>,
    hangs_up: bool,
}

impl Node {
    fn new(first: Vec<(Duration, Vec<u8>)>, script: Vec<Heard>) -> Self {
        let script = script.into();
        Node { clock: Duration::ZERO, pieces: first.into(), script, heard: vec![], ended: false }
    }
}

impl Console for Node {
    fn node(&self) -> &str {
        "node"
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), ConsoleError> {
        self.heard.extend(bytes);
        while let Some(next) = self.script.front() {
            let Some(at) = self.heard.windows(next.until.len()).position(|w| w == next.until) else { break };
            let next = self.script.pop_front().unwrap();
            self.heard.drain(..at + next.until.len());
            self.pieces.extend(next.says);
            if next.hangs_up {
                self.script.clear();
                self.ended = true;
            }
        }
        Ok(())
    }

    fn receive(&mut self, patience: Duration) -> Result<Vec<u8>, ConsoleError> {
        match self.pieces.front_mut() {
            None if self.ended => Err(ConsoleError::Closed { node: "node".into() }),
            None => {
                self.clock += patience;
                Ok(vec![])
            }
            Some((wait, _)) if *wait > patience => {
                *wait -= patience;
                self.clock += patience;
                Ok(vec![])
            }
            Some(_) => {
                let (wait, bytes) = self.pieces.pop_front().unwrap();
                self.clock += wait;
                Ok(bytes)
            }
        }
    }

    fn elapsed(&self) -> Duration {
        self.clock
    }
}

/// Cuts a stream into pieces, with short delays between them and sometimes a long one.
fn cut(bytes: &[u8], cuts: &[(usize, u8)]) -> Vec<(Duration, Vec<u8>)> {
    let mut places: Vec<(usize, u8)> =
        cuts.iter().map(|(at, wait)| (at % (bytes.len() + 1), *wait)).collect();
    places.sort_unstable();
    let mut pieces = Vec::new();
    let mut from = 0;
    for (to, wait) in places {
        pieces.push((Duration::from_millis(u64::from(wait) % 100), bytes[from..to].to_vec()));
        from = to;
    }
    pieces.push((Duration::from_millis(5), bytes[from..].to_vec()));
    pieces.retain(|(_, b)| !b.is_empty());
    pieces
}

/// Forms of a line: line ends and escape codes that do not change the text.
fn drawn(line: &str, how: u8) -> Vec<u8> {
    let end = if how & 1 == 0 { "\r\n" } else { "\n" };
    match (how >> 1) % 6 {
        0 => format!("{line}{end}"),
        1 => format!("\x1b[0m{line}\x1b[K{end}"),
        2 => format!("\x1b[1;32m{line}\x1b[m{end}"),
        // Overwritten text.
        3 => format!("....\r{line}\x1b[K{end}"),
        4 => format!("{line}x\x08 \x08{end}"),
        _ => format!("\x1b]0;CLI\x07{line}\r{end}"),
    }
    .into_bytes()
}

/// A command with its echo, its output with pagers, and the prompt.
fn answered(
    command: &str,
    lines: &[String],
    drawing: &[u8],
    page: usize,
    second_pager: bool,
    cuts: &[(usize, u8)],
) -> Vec<Heard> {
    let how = |index: usize| drawing[index % drawing.len()];
    let mut script = Vec::new();
    let mut until = format!("{command}\n").into_bytes();
    let mut says = drawn(command, how(0) & 1);
    let pages: Vec<&[String]> = lines.chunks(page.max(1)).collect();
    for (number, page) in pages.iter().enumerate() {
        for (index, line) in page.iter().enumerate() {
            says.extend(drawn(line, how(number + index)));
        }
        let last = number + 1 == pages.len();
        let shown: usize = pages[..=number].iter().map(|p| p.len()).sum();
        let pager = match (second_pager, last) {
            (true, _) => format!(
                "options: q=quit, n=next, p=prev, b=begin, e=end (lines {} - {shown} of {}) : ",
                shown.saturating_sub(page.len()) + 1,
                lines.len()
            ),
            (false, false) => "Press <enter> for 1 line, <space> for one page, or <q> to quit".to_owned(),
            (false, true) => continue,
        };
        let waits_for: &[u8] = match (second_pager, last) {
            (true, true) => b"q",
            (true, false) => b"n",
            (false, _) => b" ",
        };
        says.extend(pager.as_bytes());
        script.push(Heard {
            until: std::mem::replace(&mut until, waits_for.to_vec()),
            says: cut(&says, cuts),
            hangs_up: false,
        });
        says = b"\r\x1b[K".to_vec();
    }
    says.extend(b"\r\nadmin:");
    script.push(Heard { until, says: cut(&says, cuts), hangs_up: false });
    script
}

fn started(cuts: &[(usize, u8)]) -> Vec<(Duration, Vec<u8>)> {
    let banner = "Command Line Interface is starting up, please wait ...\r\n\r\n   Welcome to the Platform Command Line \
                  Interface\r\n\r\nVMware Installation:\r\n\t2 vCPU: Intel\r\n\r\nadmin:";
    let mut pieces = vec![(Duration::from_secs(5), vec![])];
    pieces.extend(cut(banner.as_bytes(), cuts));
    pieces
}

/// Lines of a shell; some look like a prompt, a pager or a question, but are not.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,70}".prop_map(|s| s.trim_end().to_owned()),
        Just("admin:show ctl".to_owned()),
        Just("see admin: and the manual".to_owned()),
        Just("6\tSERIALNUMBER\t16\t70:CA:F6:4E".to_owned()),
        Just("Do you want to continue? yes".to_owned()),
        Just("4\tSUBJECTNAME\t30\tCN=Invalid command;O=Command Failed GmbH".to_owned()),
        Just(String::new()),
    ]
}

fn trimmed(lines: &[String]) -> Vec<String> {
    let blank = |l: &&String| l.trim().is_empty();
    let from = lines.iter().take_while(blank).count();
    let to = lines.len() - lines.iter().rev().take_while(blank).count().min(lines.len() - from);
    lines[from..to].iter().map(|l| l.trim_end().to_owned()).collect()
}

fn pagination_off(cuts: &[(usize, u8)]) -> Vec<Heard> {
    answered(
        "set cli pagination off",
        &["Automatic pagination is turned off.".to_owned()],
        &[0],
        100,
        false,
        cuts,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: rounds(250, 2_500) as u32, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    /// The output of a command is read correctly, wherever it was cut and in whatever form. Each case has four sessions.
    #[test]
    fn output_is_read_the_same_wherever_it_is_cut(
        says in proptest::collection::vec(line(), 1..60),
        drawing in proptest::collection::vec(0u8..12, 1..8),
        cuts in proptest::collection::vec((0usize..4_000, 0u8..=255), 0..40),
        page in 1usize..30,
    ) {
        // Text that the reader cannot distinguish from the echo or from an empty output.
        prop_assume!(trimmed(&says).first().is_none_or(|l| l.trim() != "show ctl" && l.trim() != "admin:show ctl"));
        for second_pager in [false, true] {
            for twice in [false, true] {
                let mut script = pagination_off(&cuts);
                script.extend(answered("show ctl", &says, &drawing, page, second_pager, &cuts));
                if twice {
                    script.extend(answered("show itl", &says, &drawing, page, !second_pager, &cuts));
                }
                let mut shell = Shell::open(Node::new(started(&cuts), script)).unwrap();
                let patient = Duration::from_secs(3_600);
                let read = shell.run_and_reply("show ctl", &[], patient).unwrap();
                prop_assert_eq!(&read, &trimmed(&says));
                if twice {
                    prop_assert_eq!(shell.run_and_reply("show itl", &[], patient).unwrap(), trimmed(&says));
                }
            }
        }
    }

    /// A connection that ends or becomes silent at any point: an error within the time limit, never a result.
    #[test]
    fn an_interrupted_session_is_an_error(
        // Silence directly after "admin:" looks like a prompt.
        says in proptest::collection::vec(line().prop_map(|l| l.replace("admin:", "admin :")), 1..20),
        cuts in proptest::collection::vec((0usize..2_000, 0u8..=255), 0..10),
        keep in 0usize..2_000,
        hangs_up in any::<bool>(),
    ) {
        let mut script = pagination_off(&cuts);
        let mut whole = b"show ctl\r\n".to_vec();
        for line in &says {
            whole.extend(drawn(line, 0));
        }
        whole.extend(b"\r\nadmin:");
        // The last byte never arrives.
        let part = &whole[..keep % (whole.len() - 1)];
        script.push(Heard { until: b"show ctl\n".to_vec(), says: cut(part, &cuts), hangs_up });
        let mut shell = Shell::open(Node::new(started(&cuts), script)).unwrap();
        let result = shell.run_and_reply("show ctl", &[], Duration::from_secs(30));
        match result {
            Err(ClusterError::CutOff { .. }) => prop_assert!(hangs_up),
            Err(ClusterError::Timeout { .. }) => prop_assert!(!hangs_up),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// Noise: with any input there is no panic, and an end within the time limit.
    #[test]
    fn noise_never_hangs_the_reader(noise in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut script = pagination_off(&[]);
        script.push(Heard { until: b"show ctl\n".to_vec(), says: cut(&noise, &[(7, 3), (90, 80)]), hangs_up: false });
        let mut shell = Shell::open(Node::new(started(&[]), script)).unwrap();
        let limit = Duration::from_secs(30);
        if let Err(e) = shell.run_and_reply("show ctl", &[], limit) {
            let known = matches!(
                e,
                ClusterError::Timeout { .. } | ClusterError::UnexpectedQuestion { .. } | ClusterError::Refused { .. }
            );
            prop_assert!(known, "{:?}", e);
        }
    }
}

fn asks(question: &str, answer: &str, then: &str) -> Vec<Heard> {
    let command = format!("utils ctl update CTLFile\r\n{question}");
    let rest = format!("{answer}\r\n{then}\r\nadmin:");
    vec![
        Heard {
            until: b"utils ctl update CTLFile\n".to_vec(),
            says: cut(command.as_bytes(), &[(9, 40)]),
            hangs_up: false,
        },
        Heard {
            until: format!("{answer}\n").into_bytes(),
            says: cut(rest.as_bytes(), &[(1, 60)]),
            hangs_up: false,
        },
    ]
}

#[test]
fn expected_questions_are_answered_and_others_refused() {
    let question = "This operation will update the CTLFile. Do you want to continue? (y/n):";
    let script = |answer: &str, then: &str| [pagination_off(&[]), asks(question, answer, then)].concat_all();
    let mut shell =
        Shell::open(Node::new(started(&[]), script("y", "Updating CTL file\r\nCTL file Updated"))).unwrap();
    let replies = [Reply { question: "Do you want to continue?", answer: "y" }];
    let said = shell.run_and_reply("utils ctl update CTLFile", &replies, Duration::from_secs(60)).unwrap();
    assert!(said.iter().any(|l| l == "CTL file Updated"), "{said:?}");

    let mut shell = Shell::open(Node::new(started(&[]), script("n", "Command cancelled"))).unwrap();
    let refused = shell.run("utils ctl update CTLFile").unwrap_err();
    assert!(matches!(refused, ClusterError::UnexpectedQuestion { ref says, .. } if says.contains("(y/n)")));
}

trait ConcatAll {
    fn concat_all(self) -> Vec<Heard>;
}

impl ConcatAll for [Vec<Heard>; 2] {
    fn concat_all(self) -> Vec<Heard> {
        self.into_iter().flatten().collect()
    }
}

#[test]
fn a_refused_command_reports_the_words_of_the_shell() {
    let says = ["No valid command entered".to_owned(), "Executed command unsuccessfully".to_owned()];
    let mut script = pagination_off(&[]);
    script.extend(answered("show nothing", &says, &[0], 100, false, &[]));
    let mut shell = Shell::open(Node::new(started(&[]), script)).unwrap();
    let refused = shell.run("show nothing").unwrap_err();
    assert!(
        matches!(refused, ClusterError::Refused { ref says, .. } if says.contains("No valid command")),
        "{refused}"
    );
}

/// A node that is silent until it gets a newline, as some are.
#[test]
fn a_silent_node_is_sent_an_enter() {
    let mut script = vec![Heard { until: b"\n".to_vec(), says: cut(b"\r\nadmin:", &[]), hangs_up: false }];
    script.extend(pagination_off(&[]));
    Shell::open(Node::new(vec![], script)).unwrap();
    let dead = Shell::open(Node::new(vec![], vec![]));
    assert!(matches!(dead.err(), Some(ClusterError::Console(ConsoleError::NoPrompt { .. }))));
}

/// A node that sends only line ends: the time grows only with their number.
#[test]
fn empty_lines_before_an_answer_are_removed_quickly() {
    let said = [&b"\r\n".repeat(400_000)[..], b"ClusterSecurityMode 1\r\nadmin:"].concat();
    let says = vec![(Duration::ZERO, said)];
    let mut script = pagination_off(&[]);
    script.push(Heard { until: b"run sql x\n".to_vec(), says, hangs_up: false });
    let mut shell = Shell::open(Node::new(started(&[]), script)).unwrap();
    let began = std::time::Instant::now();
    assert_eq!(shell.run("run sql x").unwrap(), ["ClusterSecurityMode 1"]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
