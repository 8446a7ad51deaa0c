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
mod asked;
mod bad_input;
mod bad_places;
mod before_signing;
mod blank_tokens;
mod bridge_run;
mod building;
mod calls;
mod cautions;
mod certificates;
mod changing;
mod chosen_tokens;
mod cluster;
mod cluster_file;
mod cluster_lists;
mod cluster_login;
mod cluster_publish;
mod cluster_rest;
mod cluster_servers;
mod cluster_trust;
mod command_line;
mod conformance;
mod differential;
mod doctor;
mod edits;
mod enrolling;
mod facts;
mod fake_node;
mod faults;
mod findings;
mod foretold;
mod golden_files;
mod guide;
mod hostile_lists;
mod hot_plug;
mod interruptions;
mod journal;
mod journal_file;
mod layout;
mod lock_files;
mod losses;
mod many_files;
mod meanwhile;
mod misbehaving;
mod module_lock;
mod naive_phone;
mod node_addresses;
mod node_answers;
mod odd_names;
mod odd_places;
mod other_writers;
mod pins;
mod planning;
mod power_cut;
mod printed_figures;
mod profiles;
mod properties;
mod questions;
mod readiness;
mod recorded_shells;
mod records;
mod reverting;
mod run_state;
mod run_ways;
mod screen;
mod secrets;
mod selectors;
mod shell;
mod showing;
mod signed_files;
mod skipping;
#[cfg(feature = "ssh")]
mod ssh_servers;
mod start;
mod tftp;
mod token_errors;
mod token_flags;
mod tokens;
#[cfg(unix)]
mod trusted_paths;
mod tvs;
mod tvs_servers;
mod udev_rules;
mod watchdog;
mod whole_run;
mod widths;
mod windows;
