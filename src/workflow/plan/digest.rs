//! What identifies a plan.

use std::fmt;
use std::str::FromStr;

use data_encoding::HEXLOWER_PERMISSIVE;
use jiff::Timestamp;

use crate::trustlist::digest;

/// SHA-256 over everything that would be signed and everything that the operator is told, as values and not in their
/// words, and the time of judging. Written `DIGEST@TIME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanDigest {
    /// The SHA-256.
    pub sum: [u8; 32],
    /// The time of judging, seconds since 1970-01-01 UTC.
    pub judged_at: i64,
}

/// A text that is no plan digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is DIGEST@TIME, as a dry run prints it")]
pub struct NotADigest;

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = Timestamp::from_second(self.judged_at).map_err(|_| fmt::Error)?;
        write!(f, "{}@{time}", digest::hex(&self.sum, ""))
    }
}

impl FromStr for PlanDigest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let (sum, time) = text.split_once('@').ok_or(NotADigest)?;
        let sum = HEXLOWER_PERMISSIVE.decode(sum.as_bytes()).map_err(|_| NotADigest)?;
        let time: Timestamp = time.parse().map_err(|_| NotADigest)?;
        Ok(PlanDigest { sum: sum.try_into().map_err(|_| NotADigest)?, judged_at: time.as_second() })
    }
}

impl PlanDigest {
    /// Over the time of judging and parts that are told apart by their lengths.
    pub fn over(judged_at: i64, parts: &[&[u8]]) -> Self {
        let mut all = judged_at.to_be_bytes().to_vec();
        for part in parts {
            all.extend((part.len() as u64).to_be_bytes());
            all.extend(*part);
        }
        PlanDigest { sum: digest::sha256(&all), judged_at }
    }
}
