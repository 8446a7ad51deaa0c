//! What to do about certificates of the list that expire.

use super::super::next::ListOption::{AddToken, Refresh, Signer};
use super::{PUBLISH, Procedure, Situation, Step};
use crate::phone::{Vouch, expired};
use crate::trustlist::day;

/// How long before its end a certificate is called expiring, in seconds: half a year.
const SOON: i64 = 182 * 86_400;

impl Situation<'_> {
    pub(super) fn expiring(&self, now: i64) -> Option<Procedure> {
        // Those that end, and what follows from it: whose certificates they are.
        let (mut ends, mut follows) = (Vec::new(), Vec::<(&str, Vec<String>)>::new());
        let (mut token, mut server) = (false, false);
        for record in self.old.list().records() {
            let end = record.certificate().and_then(Result::ok).map(|c| c.not_after());
            let Some(end) = end.filter(|end| *end < now.saturating_add(SOON)) else { continue };
            let name = record.short_name();
            ends.push(format!("{name} ({}, {})", record.function(), day(end)));
            *(if record.is_token() { &mut token } else { &mut server }) = true;
            match follows.iter_mut().find(|(says, _)| *says == expired(record)) {
                Some((_, names)) if names.contains(&name) => {}
                Some((_, names)) => names.push(name),
                None => follows.push((expired(record), vec![name])),
            }
        }
        if ends.is_empty() {
            return None;
        }
        let over = |(says, names): &(&str, Vec<String>)| {
            Step::act(format!("when the certificate of {} expired: {says}", names.join(" or ")))
        };
        let mut steps: Vec<Step> = follows.iter().map(over).collect();
        let signer = Some(self.old.signer()).filter(|signer| signer.is_token());
        if server {
            let then = match signer {
                Some(_) => "put its new certificate into the list",
                None if !self.has_utils_ctl() => "a token-signed list with it",
                None => {
                    "`utils ctl update CTLFile` on the publisher, and Cisco Tftp and Cisco CallManager restarted"
                }
            };
            let renew = format!(
                "a server's: renew it there in time, and never CallManager and TVS together; then {then}"
            );
            let refresh = [Signer("SIGNER".into()), Refresh("CERTFILE".into())];
            let next = signer.map(|_| Self::update(self.file, refresh));
            steps.push(Step { next, ..Step::act(renew) });
        }
        if let (true, Some(signer)) = (token, signer) {
            steps.push(
                Step::act("a token's: sign with one of the list, add the new one; take the old one out with the next list")
                    .by(Self::update(self.file, [Signer("SIGNER".into()), AddToken("NEW".into())]))
                    .phones(self.signed_by(signer, &Vouch::NotAsked)),
            );
        }
        if signer.is_some() {
            steps.push(Step::act(PUBLISH));
        }
        let what = format!("certificates that expire or did: {}", ends.join(", "));
        Some(Procedure::open("expiring", what, steps))
    }
}
