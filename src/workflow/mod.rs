//! The work of the CTL Client: plan, confirm, execute.
