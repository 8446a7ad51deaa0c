//! The operator answers the questions that come up when a node is connected to.

use secrecy::SecretString;

use super::operator::{Operator, OperatorError, Question, Secret};
use crate::cluster::{ConnectPrompt, NoAnswer};

impl<O: Operator + ?Sized> ConnectPrompt for &O {
    fn note(&self, text: &str) {
        Operator::note(*self, text);
    }

    fn warn(&self, text: &str) {
        Operator::warn(*self, text);
    }

    fn node_password(&self, node: &str) -> Result<SecretString, NoAnswer> {
        Ok(password(*self, &Secret::NodePassword { node })?)
    }

    fn host_password(&self, account: &str) -> Result<SecretString, NoAnswer> {
        Ok(password(*self, &Secret::HostPassword { account })?)
    }

    fn accepts_host_key(&self, host: &str, fingerprint: &str) -> Result<bool, NoAnswer> {
        let question = Question::HostKey { host: host.to_owned(), fingerprint: fingerprint.to_owned() };
        Ok(self.said_yes(&question) || self.can_ask() && self.ask(&question)?)
    }
}

fn password(operator: &(impl Operator + ?Sized), secret: &Secret<'_>) -> Result<SecretString, OperatorError> {
    Ok(SecretString::from(operator.secret(secret)?.unwrap_or_default().as_str()))
}
