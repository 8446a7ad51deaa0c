//! Private keys on a token, and the certificates they belong to.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use super::error::TokenError;
use super::module::call_token;
use super::slot::Token;
use crate::trustlist::Certificate;

/// A visible private key object.
pub(super) struct PrivateKey {
    pub(super) handle: ObjectHandle,
    id: Vec<u8>,
    modulus: Vec<u8>,
}

impl PrivateKey {
    pub(super) fn id(&self) -> &[u8] {
        &self.id
    }

    /// By modulus if the token has it, else by CKA_ID; never by label.
    pub(super) fn belongs_to(&self, certificate: &Certificate, id: &[u8]) -> bool {
        belongs_to(&self.modulus, &self.id, certificate, id)
    }
}

fn belongs_to(modulus: &[u8], key_id: &[u8], certificate: &Certificate, id: &[u8]) -> bool {
    match certificate.public_key.rsa() {
        Some(rsa) if !modulus.is_empty() => modulus == rsa.modulus(),
        _ => !id.is_empty() && key_id == id,
    }
}

/// The private keys that are visible in a session, with this CKA_ID if one is given.
pub(super) fn private_keys(
    session: &Session,
    token: &Token,
    id: Option<&[u8]>,
) -> Result<Vec<PrivateKey>, TokenError> {
    let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    template.extend(id.map(|id| Attribute::Id(id.to_vec())));
    let mut keys = Vec::new();
    for handle in call_token("C_FindObjects", token, || session.find_objects(&template))? {
        let wanted = [AttributeType::Id, AttributeType::Modulus];
        let (id, modulus) = id_and_modulus(call_token("C_GetAttributeValue", token, || {
            session.get_attributes(handle, &wanted)
        })?);
        keys.push(PrivateKey { handle, id, modulus });
    }
    Ok(keys)
}

/// CKA_ID, and the modulus, big-endian without leading zeros; empty if missing.
fn id_and_modulus(attributes: Vec<Attribute>) -> (Vec<u8>, Vec<u8>) {
    let (mut id, mut modulus) = (vec![], vec![]);
    for attribute in attributes {
        match attribute {
            Attribute::Id(v) => id = v,
            Attribute::Modulus(v) => modulus = v.into_iter().skip_while(|b| *b == 0).collect(),
            _ => {}
        }
    }
    (id, modulus)
}

#[cfg(test)]
mod tests {
    use super::super::contents::read;
    use super::*;

    #[test]
    fn a_key_belongs_to_a_certificate_by_its_modulus_else_by_its_id() {
        let read = |name| read(&format!("softhsm-fixtures/{name}.der"));
        let (a, b) = (read("SAST-ADN008580ef"), read("SAST-ADN0054f509"));
        let modulus = |c: &Certificate| c.public_key.rsa().unwrap().modulus().to_vec();
        let key = |id: &[u8], modulus: &[u8], wanted: &[u8]| belongs_to(modulus, id, &a, wanted);
        assert!(key(&[9], &modulus(&a), &[1]), "the modulus decides");
        assert!(!key(&[1], &modulus(&b), &[1]));
        assert!(key(&[1], &[], &[1]));
        assert!(!key(&[2], &[], &[1]));
        assert!(!key(&[], &[], &[]), "no id is no id in common");
    }

    #[test]
    fn a_token_may_pad_a_modulus() {
        let attributes = vec![Attribute::Id(vec![0, 7]), Attribute::Modulus(vec![0, 0, 9, 0, 8])];
        assert_eq!(id_and_modulus(attributes), (vec![0, 7], vec![9, 0, 8]));
        assert_eq!(id_and_modulus(vec![Attribute::Label(vec![1])]), (vec![], vec![]));
    }
}
