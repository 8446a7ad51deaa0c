//! An answer: the journal of a signing, in which the signed files are, with the token's signature over it.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::error::ExchangeError;
use super::request::{MAX_REQUEST, SigningRequest, canonical, is_canonical, parse};
use crate::trustlist::{Certificate, Digest, Signer, TrustFile};
use crate::workflow::journal::{Event, FileFingerprint, HeadSignature, Outcome, VerifiedJournal};
use crate::workflow::signing::{BatchFile, SignedFile};

/// The name and the version of the document.
const FORMAT: &str = "sastctl-answer/1";
/// The largest answer, in bytes: its journal has each file as it was and as it is.
pub const MAX_ANSWER: usize = 4 * MAX_REQUEST;

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningAnswer {
    format: String,
    /// The serial number of the request.
    pub serial: String,
    /// The digest of the request.
    request: String,
    /// The certificate of the token that signed.
    certificate: Certificate,
    /// The journal of the signing, as it was written.
    pub journal: String,
    /// The token's signature over its head.
    pub signature: String,
}

impl SigningAnswer {
    /// The answer with this journal and its signature.
    pub fn new(request: &SigningRequest, journal: String, signature: String) -> Self {
        SigningAnswer {
            format: FORMAT.to_owned(),
            serial: request.serial.clone(),
            request: request.digest.clone(),
            certificate: request.signer.clone(),
            journal,
            signature,
        }
    }

    /// The document.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical(self)
    }

    /// Reads an answer to this request, and gives its signed files: each is what its plan asks for, signed by the token that
    /// the request names. `batch` has the plans of the request.
    pub fn read(
        bytes: &[u8],
        request: &SigningRequest,
        batch: Vec<BatchFile>,
    ) -> Result<(Self, Vec<SignedFile>), ExchangeError> {
        if bytes.len() > MAX_ANSWER {
            return Err(ExchangeError::TooLarge { what: "answer", limit: MAX_ANSWER });
        }
        let answer: SigningAnswer = parse(bytes, "an answer", FORMAT)?;
        is_canonical(bytes, &answer, "answer")?;
        if (&answer.serial, &answer.request) != (&request.serial, &request.digest) {
            let name = |serial: &str, digest: &str| format!("{serial} with the digest {digest}");
            let answered = name(&answer.serial, &answer.request);
            return Err(ExchangeError::Foreign { answered, asked: name(&request.serial, &request.digest) });
        }
        if answer.certificate != request.signer {
            let (wanted, there) = (request.signer.sast_name(), answer.certificate.sast_name());
            return Err(ExchangeError::OtherSigner { wanted, there });
        }
        let signed = answer.files(request, batch)?;
        Ok((answer, signed))
    }

    fn files(
        &self,
        request: &SigningRequest,
        batch: Vec<BatchFile>,
    ) -> Result<Vec<SignedFile>, ExchangeError> {
        let not_complete = |what: &str| ExchangeError::NotComplete(what.to_owned());
        let journal = VerifiedJournal::read(self.journal.as_bytes())?;
        let proved = HeadSignature::check(self.signature.as_bytes(), &journal, &request.signer)?;
        if proved != journal.lines().len() {
            return Err(not_complete("the token did not sign the journal to its end"));
        }
        if journal.outcome().is_none_or(|(outcome, _)| outcome != Outcome::Done) {
            return Err(not_complete("the signing did not end well"));
        }
        let (mut is_of_request, mut digests, mut outputs) = (false, Vec::new(), Vec::new());
        for line in journal.lines() {
            match &line.event {
                Event::Request { serial, digest, .. } => {
                    is_of_request = (serial, digest) == (&request.serial, &request.digest);
                }
                Event::Plan { digest, .. } => digests.push(digest.clone()),
                Event::Output { file, .. } => outputs.push(file),
                _ => {}
            }
        }
        if !is_of_request {
            return Err(not_complete("its journal is of another request"));
        }
        let lists = batch.iter().filter(|file| file.plan().is_some()).map(|file| file.digest().to_string());
        if !lists.eq(digests) || outputs.len() != batch.len() {
            return Err(not_complete("its journal has other plans than the request"));
        }
        batch.into_iter().zip(outputs).map(|(file, output)| restored(file, output, &request.signer)).collect()
    }
}

/// The signed file of a plan, from its copy in the journal: built again from the plan with the copy's signature, and verified.
fn restored(
    file: BatchFile,
    output: &FileFingerprint,
    signer: &Certificate,
) -> Result<SignedFile, ExchangeError> {
    let name = file.out().display().to_string();
    let other = |why: String| ExchangeError::OtherFile { file: name.clone(), why };
    let copy = output.content().ok_or_else(|| other("the answer does not have it".to_owned()))?;
    let header = TrustFile::decode(copy.clone()).map_err(|e| other(e.to_string()))?;
    let mut signer = Copied { certificate: signer, signature: header.header().signature.to_vec() };
    let digest = file.digest();
    let confirmed = file.confirm(digest).map_err(|e| other(e.to_string()))?;
    let signed = confirmed.sign(&mut signer).map_err(|e| other(e.to_string()))?;
    if signed.new_file().bytes != copy {
        return Err(other("its bytes are others than those that were signed".to_owned()));
    }
    Ok(signed)
}

/// Gives a signature that was made elsewhere; the file that it goes into is verified.
struct Copied<'a> {
    certificate: &'a Certificate,
    signature: Vec<u8>,
}

impl Signer for Copied<'_> {
    type Error = Infallible;

    fn certificate(&self) -> &Certificate {
        self.certificate
    }

    fn sign(&mut self, _: Digest, _: &[u8]) -> Result<Vec<u8>, Infallible> {
        Ok(self.signature.clone())
    }
}
