//! Files that work is given: lists, certificates, cluster files; `-` is standard input.

use std::path::{Path, PathBuf};

use super::error::WorkError;
use super::plan::Edit;
use super::plan::cluster_file::{ClusterFile, parse_function};
use crate::files::{self, display_name};
use crate::trustlist::{Certificate, MAX_FILE_BYTES, TrustFile, TrustList, VerifiedList, is_file_name};

/// Reads and decodes a CTL, ITL or .sgn file.
pub fn read_file(path: &Path) -> Result<TrustFile, WorkError> {
    let bytes = files::read_limited(path, MAX_FILE_BYTES)?;
    TrustFile::decode(bytes).map_err(|source| WorkError::Decode { file: display_name(path), source })
}

/// Reads and decodes a CTL or ITL file.
pub fn read_list(path: &Path) -> Result<TrustList, WorkError> {
    let bytes = files::read_limited(path, MAX_FILE_BYTES)?;
    TrustList::decode(bytes).map_err(|source| WorkError::Decode { file: display_name(path), source })
}

/// Reads a CTL or ITL file and verifies it.
pub fn read_verified(path: &Path) -> Result<VerifiedList, WorkError> {
    read_list(path)?.verify().map_err(|source| WorkError::NotVerified { file: display_name(path), source })
}

/// Reads a certificate file, DER or PEM.
pub fn read_certificate(path: &Path) -> Result<Certificate, WorkError> {
    let bytes = files::read_limited(path, MAX_FILE_BYTES)?;
    Certificate::from_file_bytes(&bytes)
        .map_err(|source| WorkError::Certificate { file: display_name(path), source })
}

/// Whether a word means a certificate file, be it there or not, rather than a token.
pub fn is_certificate_file(word: &str) -> bool {
    let path = Path::new(word);
    let ends_like_one = path.extension().is_some_and(|end| {
        ["cer", "crt", "der", "pem"].iter().any(|of_certificates| end.eq_ignore_ascii_case(of_certificates))
    });
    path.is_file() || ends_like_one && !word.starts_with("pkcs11:")
}

/// Reads a renewed certificate, as the operator says where it goes: `capf:10.1.2.3=new.pem`, `10.1.2.3=new.pem`, `new.pem`. A
/// file name may contain `=` and `:`, too.
pub fn read_renewed(spec: &str) -> Result<Edit, WorkError> {
    let at = |place: &str| {
        let (function, ip) = match place.split_once(':') {
            Some((function, ip)) => (Some(parse_function(function)?), ip),
            None => (None, place),
        };
        Some((function, Some(ip.parse().ok()?)))
    };
    let placed = spec.split_once('=').and_then(|(place, path)| Some((at(place)?, path)));
    let ((function, address), path) = placed.unwrap_or(((None, None), spec));
    Ok(Edit::Refresh { function, address, certificate: read_certificate(Path::new(path))? })
}

/// A cluster file with the certificates that it names.
#[derive(Debug, Clone)]
pub struct ReadCluster {
    /// The file.
    pub cluster: ClusterFile,
    /// The certificates of its servers, in their order.
    pub certificates: Vec<Option<Certificate>>,
    /// The certificates of its tokens.
    pub tokens: Vec<Certificate>,
}

/// Reads a cluster file, and the certificates that it names.
pub fn read_cluster(path: &Path) -> Result<ReadCluster, WorkError> {
    let file = display_name(path);
    let Ok(text) = String::from_utf8(files::read_limited(path, MAX_FILE_BYTES)?) else {
        return Err(WorkError::NotText { file });
    };
    let cluster: ClusterFile = match toml::from_str(&text) {
        Ok(cluster) => cluster,
        Err(source) => return Err(WorkError::NotACluster { file, source: Box::new(source) }),
    };
    cluster.check().map_err(|source| WorkError::ClusterFile { file, source })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let read = |path: &Path| read_certificate(&folder.join(path));
    let certificates = cluster.servers.iter().map(|s| s.certificate.as_deref().map(read).transpose());
    let certificates = certificates.collect::<Result<_, _>>()?;
    let tokens = cluster.tokens.iter().map(|token| read(&token.certificate)).collect::<Result<_, _>>()?;
    Ok(ReadCluster { cluster, certificates, tokens })
}

/// Where a list goes that is made from `source`, which may be standard input, and calls itself `own`.
pub fn beside_list(source: &Path, own: &str) -> PathBuf {
    let own = if is_file_name(own) { own } else { "CTLFile.tlv" };
    beside(if source.as_os_str() == "-" { Path::new(own) } else { source })
}

/// `CTLFile.tlv` → `CTLFile.new.tlv`: the file in force stays as it is.
pub fn beside(source: &Path) -> PathBuf {
    let mut name = source.file_stem().unwrap_or_default().to_owned();
    name.push(".new");
    if let Some(extension) = source.extension() {
        name.push(".");
        name.push(extension);
    }
    source.with_file_name(name)
}
