//! Where phones show their lists and their messages, by model.

/// Where a phone shows what. A path begins with `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagePaths {
    /// The network settings, which show the lists. `None`: no page of this family shows them.
    pub network: Option<&'static str>,
    /// The status messages.
    pub messages: Option<&'static str>,
}

const SERVICEABILITY: PagePaths = PagePaths {
    network: Some("/CGI/Java/Serviceability?adapter=device.statistics.configuration"),
    messages: Some("/CGI/Java/Serviceability?adapter=device.settings.status.messages"),
};
const OLD: PagePaths = PagePaths { network: Some("/NetworkConfiguration"), messages: Some("/DeviceLog?2") };
const WIRELESS: PagePaths = PagePaths { network: Some("/NetworkInformation"), messages: None };
const DX: PagePaths =
    PagePaths { network: Some("/?adapter=device.statistics.configuration"), messages: None };

const fn network(path: &'static str) -> PagePaths {
    PagePaths { network: Some(path), messages: None }
}

/// Models, by the digits or letters in their names, and their pages.
const MODELS: [(&[&str], PagePaths); 8] = [
    (&["7940", "7960", "8945"], OLD),
    (&["6901"], network("/Network_Setup.html")),
    (&["ATA"], network("/Network_Setup.htm")),
    (&["3905"], network("/Network.html")),
    (
        &["7937"],
        PagePaths { network: Some("/localmenus.cgi?func=604"), messages: Some("/localmenus.cgi?func=219") },
    ),
    (&["7925", "7926"], WIRELESS),
    (&["DX"], DX),
    (&["6911", "6921", "6941", "6945", "6961"], PagePaths { network: None, messages: Some("/status.html") }),
];

/// The pages to try, in this order: those of the model, as far as it is known, then those of other families.
pub fn page_paths(model: &str) -> Vec<PagePaths> {
    let is_model = |names: &[&str]| names.iter().any(|name| model.contains(name));
    let own = MODELS.iter().find(|(names, _)| is_model(names)).map(|(_, paths)| *paths);
    let mut all: Vec<PagePaths> = own.into_iter().collect();
    all.extend([SERVICEABILITY, OLD].into_iter().filter(|paths| Some(*paths) != own));
    all
}
