//! A person approves a request: `ssh-keygen` signs its digest.

use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Stdio};

use ssh_key::SshSig;

use super::approval::{NAMESPACE, message, verify};
use super::check::check_size;
use super::error::ExchangeError;
use super::work::{OpenRequest, now};
use crate::files::{self, OnExisting};
use crate::workflow::signing::show_plan;
use crate::workflow::{Operator, Question, View, WorkError};

impl OpenRequest {
    /// Shows the request and its plans, and adds the approvals of a copy, and that of a key: the file of a private SSH key, or of
    /// a public one whose private key `ssh-agent` has. Gives the fingerprints of all keys that approved it.
    pub fn approve(
        self,
        path: &Path,
        copy: Option<OpenRequest>,
        key: Option<&Path>,
        operator: &dyn Operator,
    ) -> Result<Vec<String>, WorkError> {
        let OpenRequest { mut request, batch, .. } = self;
        request.is_current(now())?;
        operator.show(&View::Request { request: &request, file: path, people: &[] })?;
        let mut warned = HashSet::new();
        batch.iter().try_for_each(|file| show_plan(file, false, &mut warned, operator))?;
        if copy.as_ref().is_some_and(|copy| copy.request.digest != request.digest) {
            return Err(ExchangeError::NoCopy.into());
        }
        let mut more = copy.map(|copy| copy.request.approvals).unwrap_or_default();
        more.extend(key.map(|key| ssh_keygen(key, &request.digest, operator)).transpose()?);
        for approval in more {
            let key = verify(&approval, &request.digest);
            if !request.approved_by()?.contains(&key.map_err(|e| ExchangeError::NotSigned(e.to_string()))?) {
                request.approvals.push(approval);
            }
        }
        let keys = request.approved_by()?;
        let bytes = request.to_bytes();
        check_size(bytes.len(), request.plans.len())?;
        operator.check_interrupted()?;
        files::write_new(path, &bytes, OnExisting::Replace)?;
        Ok(keys)
    }
}

/// Asks, and has `ssh-keygen` sign the digest with this key. It asks for a passphrase itself, on the terminal.
fn ssh_keygen(key: &Path, digest: &str, operator: &dyn Operator) -> Result<SshSig, WorkError> {
    if !operator.agrees(&Question::Consent(format!("Approve this with the key {}?", key.display())))? {
        return Err(WorkError::Declined("cancelled; nothing was approved and nothing was written"));
    }
    operator.note(&format!("ssh-keygen signs with {}; a security key waits for a touch", key.display()));
    let folder = tempfile::tempdir().map_err(ExchangeError::NoSshKeygen)?;
    let (file, signature) = (folder.path().join("digest"), folder.path().join("digest.sig"));
    std::fs::write(&file, message(digest)).map_err(ExchangeError::NoSshKeygen)?;
    let mut ssh_keygen = Command::new("ssh-keygen");
    let ssh_keygen = ssh_keygen.args(["-Y", "sign", "-n", NAMESPACE, "-f"]).args([key, &file]);
    let ended = ssh_keygen.stdin(Stdio::inherit()).output().map_err(ExchangeError::NoSshKeygen)?;
    operator.check_interrupted()?;
    if !ended.status.success() {
        let said = String::from_utf8_lossy(&ended.stderr);
        let words = said.lines().filter(|line| !line.starts_with("Signing file ")).collect::<Vec<_>>();
        return Err(ExchangeError::NotSigned(words.join("; ")).into());
    }
    let signature = SshSig::from_pem(files::read_text(&signature)?);
    Ok(signature.map_err(|e| ExchangeError::NotSigned(e.to_string()))?)
}
