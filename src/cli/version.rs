//! `--version --verbose`: what this program was built from and with.

/// The lines after the version.
pub fn details() -> String {
    let features = [
        ("ssh", cfg!(feature = "ssh")),
        ("pcsc", cfg!(feature = "pcsc")),
        ("vendored-openssl", cfg!(feature = "vendored-openssl")),
    ];
    let features: Vec<_> = features.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    let pcsc = match () {
        () if !cfg!(feature = "pcsc") => "not built in",
        () if std::env::consts::OS == "windows" => "winscard",
        () if std::env::consts::OS == "macos" => "the PCSC framework",
        () => "libpcsclite.so.1, loaded at the first call",
    };
    let where_openssl_is = if cfg!(feature = "vendored-openssl") { ", built in" } else { "" };
    let loaded = crate::system::openssl::load();
    let openssl_version = loaded.map_or_else(|e| e.to_string(), |()| openssl::version::version().to_owned());
    format!(
        "commit    {}\ntarget    {}\nfeatures  {}\nOpenSSL   {}{where_openssl_is}\nPC/SC     {pcsc}\n",
        env!("SASTCTL_COMMIT"),
        env!("SASTCTL_TARGET"),
        features.join(", "),
        openssl_version,
    )
}
