//! User stories, one module each. They run the program the way an operator does, against real parts.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, says what it skips, and is no library"
)]

mod pki;
mod support;

mod acceptance;
mod administration;
#[cfg(unix)] // ssh-agent, a terminal, and rights of Unix
mod approvals;
mod asked;
#[cfg(unix)] // nodes behind sshd
mod audit;
mod bad_input;
#[cfg(unix)] // rights, owners and links of Unix
mod bad_places;
mod before_signing;
mod blank_tokens;
#[cfg(unix)] // nodes behind sshd
mod bridge_run;
mod building;
mod calls;
mod cautions;
#[cfg(unix)] // with exchange
mod ceremony;
mod certificates;
#[cfg(unix)] // with exchange
mod changed_requests;
mod changing;
mod chosen_tokens;
#[cfg(unix)] // nodes behind sshd, and a serial line of Unix
mod cluster;
mod cluster_file;
#[cfg(unix)] // nodes behind sshd
mod cluster_lists;
mod cluster_login;
#[cfg(unix)] // nodes behind sshd
mod cluster_phones;
#[cfg(unix)] // nodes behind sshd
mod cluster_publish;
mod cluster_rest;
#[cfg(unix)] // nodes behind sshd
mod cluster_servers;
#[cfg(unix)] // nodes behind sshd
mod cluster_trust;
mod command_line;
mod conformance;
mod diagnose;
mod differential;
mod doctor;
mod edits;
mod enrolling;
#[cfg(unix)] // strace
mod exchange;
#[cfg(unix)] // nodes behind sshd, and a network namespace
mod exchange_cluster;
mod facts;
#[cfg(unix)] // nodes behind sshd
mod fake_node;
mod faults;
mod findings;
#[cfg(unix)] // with exchange
mod fleet;
mod golden_files;
#[cfg(unix)] // a terminal, and nodes behind sshd
mod guide;
#[cfg(unix)] // shells on a terminal
mod helps;
mod hostile_lists;
#[cfg(unix)] // pcscd and a terminal
mod hot_plug;
#[cfg(unix)] // signals; packaging/windows/stories.sh has Ctrl-C
mod interruptions;
mod journal;
mod journal_file;
mod layout;
mod lines;
mod lock_files;
#[cfg(unix)] // a terminal
mod long_work;
mod losses;
#[cfg(unix)] // a full disk, and a terminal
mod many_files;
#[cfg(unix)] // a terminal
mod meanwhile;
mod migration;
mod misbehaving;
mod module_lock;
mod naive_phone;
mod node_addresses;
mod node_answers;
#[cfg(unix)] // names that are no text: bytes on Unix alone
mod odd_names;
#[cfg(unix)] // pipes, sockets and devices as files
mod odd_places;
mod other_writers;
#[cfg(unix)] // nodes behind sshd
mod phone_impact;
mod phones;
#[cfg(unix)] // a terminal; packaging/windows/stories.sh has a console
mod pins;
mod planning;
#[cfg(unix)] // strace
mod power_cut;
mod printed_figures;
mod profiles;
mod properties;
#[cfg(unix)] // a terminal
mod questions;
mod readiness;
#[cfg(unix)] // a serial line of Unix
mod recorded_shells;
mod records;
#[cfg(unix)] // nodes behind sshd
mod renew;
mod reverting;
#[cfg(unix)] // nodes behind sshd
mod run_phones;
mod run_state;
#[cfg(unix)] // nodes behind sshd
mod run_ways;
mod screen;
#[cfg(unix)] // a terminal, and memory by /proc
mod secrets;
mod selectors;
mod shell;
mod showing;
mod signed_files;
mod skipping;
mod spelling;
#[cfg(all(unix, feature = "ssh"))] // sshd
mod ssh_servers;
mod start;
mod tftp;
mod token_answers;
mod token_errors;
mod token_flags;
#[cfg(unix)] // nodes behind sshd
mod tokenless;
mod tokens;
#[cfg(unix)] // rights, owners and links of Unix; packaging/windows/stories.sh has access lists
mod trusted_paths;
mod tvs;
mod tvs_servers;
mod udev_rules;
mod watchdog;
#[cfg(unix)] // nodes behind sshd
mod whole_run;
#[cfg(unix)] // a terminal
mod widths;
#[cfg(unix)] // a terminal, on which the CTL Client's windows are drawn
mod windows;
