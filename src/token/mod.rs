//! PKCS#11: the tokens that sign.
