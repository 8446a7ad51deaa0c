//! A phone that refuses: asks the phone and its node what [`diagnosis`](crate::phone::diagnosis) judges. A question that cannot
//! be asked is an answer, too, and the others are asked nevertheless. Nothing is changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::check::check_kind;
use super::error::WorkError;
use super::input::read_list;
use super::operator::Operator;
use super::phones::{Pace, Pages, class_of, list_phones, read_pages};
use super::trust::TvsOptions;
use crate::cluster::shell::answers::{ClusterNode, ServiceState, ShownCtl};
use crate::cluster::shell::phones::ListedPhone;
use crate::cluster::{
    ClusterError, Connector, CtlProblem, Node, NodeAddress, Ports, SecurityMode, console::Recorded, fetch,
    node_ctl, nodes_of,
};
use crate::files;
use crate::phone::diagnosis::{
    Answer, Asked, ConfigFile, ConsoleLog, Facts, Held, ListFacts, Served, Verdict, verdict,
};
use crate::phone::page::{Expected, MessageKind, Newest, shown_checksum};
use crate::phone::tvs::{self, Ask, TvsAddress, TvsError};
use crate::phone::{InstalledItl, NewList, PhoneClass, TvsStatus, is_emptied_itl, keys_to_delete_lists};
use crate::trustlist::{ListKind, MAX_FILE_BYTES, TrustFile, TrustList, VerifiedList};

/// Which phone is looked at, and what is given instead of being asked for.
pub struct DiagnoseRequest<'a> {
    /// Its name, model and address; the node is asked for the last two if they are empty.
    pub phone: [&'a str; 3],
    /// The node that it loads its files from, in most cases the publisher.
    pub node: Option<&'a NodeAddress>,
    pub ctl: Given<'a>,
    pub itl: Given<'a>,
    /// Lists that the phone may have.
    pub held: &'a [PathBuf],
    /// Its console log; `-` is standard input.
    pub console_log: Option<&'a Path>,
    pub ports: Ports,
    pub tvs: Option<TvsOptions>,
    pub pace: Pace,
}

/// What is given about one kind of list: the file that the node serves, and the checksum on the phone's screen.
pub struct Given<'a> {
    pub served: Option<&'a Path>,
    pub checksum: Option<&'a str>,
}

/// What came out.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    pub phone: ListedPhone,
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The keys that delete its lists, if a source names them.
    pub keys: Option<&'static str>,
    pub facts: Vec<Answer>,
    /// What its console log says, in its words.
    pub console_log: Vec<String>,
}

impl Diagnosis {
    /// The questions without an answer, by reason.
    pub fn unknown(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut unknown = BTreeMap::<&str, Vec<&str>>::new();
        for fact in self.facts.iter().filter(|fact| !fact.known) {
            unknown.entry(&fact.says).or_default().push(fact.question);
        }
        unknown
    }
}

type Shell = Asked<Node<Recorded>>;
/// The bytes of a file that a node serves; `None`: it serves none.
type NodeFile = Asked<Option<Vec<u8>>>;

const NO_NODE: &str = "no node was given";
const TFTP_SERVICE: &str = "Cisco Tftp";
const TVS_SERVICE: &str = "Cisco Trust Verification Service";

/// Asks everything, and judges.
///
/// # Errors
/// If a given file cannot be read, or the operator interrupts it.
pub fn diagnose(
    request: DiagnoseRequest<'_>,
    connector: &mut Connector<'_>,
    operator: &dyn Operator,
) -> Result<Diagnosis, WorkError> {
    let log = request.console_log.map(|file| files::read_limited(file, MAX_FILE_BYTES)).transpose()?;
    let log = ConsoleLog::read(&String::from_utf8_lossy(&log.unwrap_or_default()));
    let given = request.held.iter().map(|path| read_list(path)).collect::<Result<Vec<_>, _>>()?;
    let shell = request.node.ok_or_else(|| NO_NODE.to_owned());
    let mut shell: Shell = shell.and_then(|node| connector.open(node).map_err(|e| e.to_string()));
    operator.check_interrupted()?;
    let phone = find_phone(&request, shell.is_ok(), connector, operator);
    let pages = read_pages(&phone, request.pace, |_| false);
    let message = match (log.list, &pages) {
        (Some(kind), _) => Ok(kind),
        (None, Ok((_, Newest::Message(message)))) => Ok(message.kind),
        (None, Ok(_)) => Err("its page shows none".to_owned()),
        (None, Err(why)) => Err(why.clone()),
    };
    let ctl_file = served_file(&request, &request.ctl, ListKind::Ctl, &phone.name)?;
    let itl_file = served_file(&request, &request.itl, ListKind::Itl, &phone.name)?;
    let ctl_held = held(&request.ctl, ListKind::Ctl, &given, &ctl_file, &pages, &message);
    let itl_held = held(&request.itl, ListKind::Itl, &given, &itl_file, &pages, &message);
    let mode = ask(&mut shell, Node::security_mode);
    let shown = ask(&mut shell, Node::shown_ctl);
    let itl = served(itl_file, &itl_held);
    let ctl = match (&mode, &shown, &ctl_file, request.ctl.served) {
        (Ok(mode), Ok(shown), Ok(file), None) => not_in_force(*mode, shown, file.clone()),
        _ => None,
    };
    let ctl = ctl.map_or_else(|| served(ctl_file, &itl_held), Ok);
    let (mut ctl, mut itl) = (ListFacts::new(ctl_held, ctl), ListFacts::new(itl_held, itl));
    let tvs =
        request.node.zip(request.tvs.as_ref()).map(|(node, options)| Servers::of(node, options, &mut shell));
    let known = itl.held_list().cloned();
    for list in [&mut ctl, &mut itl] {
        operator.check_interrupted()?;
        let Some(new) = list.list().cloned() else { continue };
        list.uploaded = ask(&mut shell, |node| node.trusts(&new.signer_name()));
        for (status, how) in [(&mut list.query, Ask::Query), (&mut list.verify, Ask::Verify)] {
            *status =
                tvs.as_ref().map_or(TvsStatus::NotAsked, |tvs| tvs.ask(&new, how, known.as_ref(), &phone));
            if let (TvsStatus::NotAsked | TvsStatus::NoAnswer { .. }, Some(false)) = (&status, log.tvs_valid)
            {
                *status = TvsStatus::Invalid { server: "the server in the console log".to_owned() };
            }
        }
    }
    let in_itl = |itl: Option<&VerifiedList>| tvs.as_ref().ok_or("not asked")?.are_in(itl);
    let states = ask(&mut shell, |node| node.states(&[TFTP_SERVICE, TVS_SERVICE]));
    let runs = |service: &str| {
        let state = states.clone()?.into_iter().find(|(name, _)| *name == service);
        let state = state.map_or(ServiceState::Missing, |(_, state)| state);
        let runs = state.is_activated().then_some(state == ServiceState::Started);
        runs.ok_or_else(|| format!("{state} on this node"))
    };
    let class = class_of(&phone);
    let facts = Facts {
        asks_tvs: class.map(|class| class == PhoneClass::SecurityByDefault),
        mixed: mode.map(|mode| mode == SecurityMode::Mixed),
        message,
        tftp_runs: runs(TFTP_SERVICE),
        tvs_runs: runs(TVS_SERVICE),
        tvs_in_held: log.tvs_known.map_or_else(|| in_itl(itl.held_list()), Ok),
        tvs_in_served: in_itl(itl.list()),
        rollback: ask(&mut shell, Node::rollback),
        config: config(&request, &phone.name, [ctl.list(), itl.list()]),
        ctl,
        itl,
    };
    let (keys, verdict) = (keys_to_delete_lists(&phone.model), verdict(&facts));
    Ok(Diagnosis { phone, verdict, keys, facts: facts.answers(), console_log: log.words })
}

/// A question to the shell of the node.
fn ask<T>(
    shell: &mut Shell,
    question: impl FnOnce(&mut Node<Recorded>) -> Result<T, ClusterError>,
) -> Asked<T> {
    question(shell.as_mut().map_err(|why| why.clone())?).map_err(|e| e.to_string())
}

/// The phone as it is given, and as the cluster lists it.
fn find_phone(
    request: &DiagnoseRequest<'_>,
    has_shell: bool,
    connector: &mut Connector<'_>,
    operator: &dyn Operator,
) -> ListedPhone {
    let [name, model, address] = request.phone;
    let node = request.node.filter(|_| has_shell && (model.is_empty() || address.is_empty()));
    let (listed, _) = node.and_then(|node| list_phones(node, connector, operator).ok()).unwrap_or_default();
    let listed = listed.into_iter().find(|listed| listed.name.eq_ignore_ascii_case(name)).unwrap_or_default();
    let or = |given: &str, listed: String| if given.is_empty() { listed } else { given.to_owned() };
    let (model, address) = (or(model, listed.model), or(address, listed.address));
    ListedPhone { name: name.to_uppercase(), model, address, ..listed }
}

/// A list as the phone asks for it: first the one with its name (116232, Centralised TFTP).
fn served_file(
    request: &DiagnoseRequest<'_>,
    given: &Given<'_>,
    kind: ListKind,
    phone: &str,
) -> Result<NodeFile, WorkError> {
    if let Some(path) = given.served {
        let list = read_list(path)?;
        check_kind(path, &list, kind)?;
        return Ok(Ok(Some(list.bytes().to_vec())));
    }
    let file = |whose: &str| fetched(request, &format!("{}{whose}.tlv", kind.label()));
    Ok(file(phone).and_then(|own| own.map_or_else(|| file("File"), |own| Ok(Some(own)))))
}

fn fetched(request: &DiagnoseRequest<'_>, file: &str) -> NodeFile {
    let host = request.node.ok_or(NO_NODE)?.host().ok_or("a serial line leads to no files")?;
    Ok(fetch(host, request.ports, file).map_err(|e| e.to_string())?.map(|fetched| fetched.bytes))
}

/// What the phone has: by its checksum, typed or on its page, or a given file.
fn held(
    given: &Given<'_>,
    kind: ListKind,
    lists: &[TrustList],
    served: &NodeFile,
    pages: &Pages,
    message: &Asked<MessageKind>,
) -> Asked<Held> {
    let page = pages.as_ref().ok().and_then(|(page, _)| shown_checksum(page.as_ref()?, kind));
    let sum = given.checksum.map(str::to_owned).or(page);
    let is = |bytes: &[u8]| sum.as_ref().is_none_or(|sum| Expected::of(bytes).is(sum));
    let served = served.as_ref().ok().and_then(|bytes| bytes.as_deref());
    let mut lists = lists.iter().filter(|list| list.kind() == kind && is(list.bytes()));
    let (list, other) = (lists.next(), lists.next());
    match (list, &sum, message) {
        (_, Some(_), _) if served.is_some_and(is) => Ok(Held::Served),
        _ if other.is_some() => Err("several lists were given, and no checksum tells which it is".to_owned()),
        (Some(list), ..) if served == Some(&list.bytes()[..]) => Ok(Held::Served),
        (Some(list), ..) => match InstalledItl::of(list) {
            Ok(InstalledItl::List(list)) => Ok(Held::List(Box::new(list))),
            Ok(_) => Ok(Held::Emptied),
            Err(e) => Err(format!("its file does not verify: {e}")),
        },
        (None, Some(sum), _) => Ok(Held::Other(sum.clone())),
        (None, None, Ok(MessageKind::NoList | MessageKind::Erased)) => Ok(Held::None),
        _ => Err(pages.as_ref().err().map_or("its page shows no checksum of it", |why| why).to_owned()),
    }
}

/// A CTL that the node does not serve, or does not accept itself.
fn not_in_force(mode: SecurityMode, shown: &ShownCtl, file: Option<Vec<u8>>) -> Option<Served> {
    match node_ctl(mode, shown, file).err()? {
        CtlProblem::NotAccepted { says } => Some(Served::Bad(format!("the node does not accept it: {says}"))),
        CtlProblem::ServesNone if !matches!(shown, ShownCtl::Verified(_)) => None,
        why @ (CtlProblem::ServesNone | CtlProblem::ServesAnother { .. } | CtlProblem::ShowsNone) => {
            Some(Served::NotServed(why.to_string()))
        }
        _ => None,
    }
}

/// An ITL that was emptied may need the ITL of the phone to be verified.
fn served(file: NodeFile, itl: &Asked<Held>) -> Asked<Served> {
    let Some(bytes) = file? else { return Ok(Served::None) };
    let list = match TrustList::decode(bytes) {
        Ok(list) => list,
        Err(e) => return Ok(Served::Bad(e.to_string())),
    };
    let verified = match itl {
        Ok(Held::List(itl)) if is_emptied_itl(&list) => list.verify().or_else(|_| list.verify_in(itl)),
        _ => list.verify(),
    };
    match verified {
        Ok(list) => Ok(Served::List(Box::new(list))),
        Err(e) if is_emptied_itl(&list) => Err(format!("emptied, only the ITL before verifies it: {e}")),
        Err(e) => Ok(Served::Bad(e.to_string())),
    }
}

/// The phone's configuration file, and whether one of the lists verifies it.
fn config(
    request: &DiagnoseRequest<'_>,
    phone: &str,
    lists: [Option<&VerifiedList>; 2],
) -> Asked<Option<ConfigFile>> {
    let Some(bytes) = fetched(request, &format!("{phone}.cnf.xml.sgn"))? else { return Ok(None) };
    let TrustFile::Signed(file) = TrustFile::decode(bytes).map_err(|e| e.to_string())? else {
        return Err("it is a trust list".to_owned());
    };
    let by_served = lists.into_iter().flatten().any(|list| file.verify_in(list).is_ok());
    Ok(Some(ConfigFile { signer: file.header().signer_short_name(), by_served }))
}

/// The TVS of the nodes: those that show a certificate, and why others do not.
struct Servers<'a> {
    options: &'a TvsOptions,
    there: Vec<TvsAddress>,
    failed: Vec<TvsStatus>,
}

impl<'a> Servers<'a> {
    fn of(node: &NodeAddress, options: &'a TvsOptions, shell: &mut Shell) -> Self {
        let mut servers = Servers { options, there: vec![], failed: vec![] };
        let nodes = ask(shell, |shell| nodes_of(shell, node))
            .unwrap_or_else(|_| vec![(node.clone(), ClusterNode::alone(node))]);
        for address in nodes.iter().filter_map(|(node, _)| options.address(node).ok()) {
            match tvs::shown(&address, &options.tls(None)) {
                Ok(_) => servers.there.push(address),
                Err(e) => servers.failed.push(TvsStatus::of(&address.to_string(), &Err(e))),
            }
        }
        servers
    }

    /// Whether one of them shows a certificate of this ITL; not known if none does, and not all answered.
    fn are_in(&self, itl: Option<&VerifiedList>) -> Asked<bool> {
        let tls = self.options.tls(Some(itl.ok_or("the ITL is not known")?.list().records()));
        let shown = || self.there.iter().map(|address| tvs::shown(address, &tls));
        match shown().find(|shown| !matches!(shown, Err(TvsError::OtherCertificate { .. }))) {
            Some(shown) => shown.map(|_| true).map_err(|e| e.to_string()),
            None if self.failed.is_empty() => Ok(false),
            None => Err("not every TVS answered".to_owned()),
        }
    }

    /// What they say about the signer of a list to a phone that has this ITL.
    fn ask(
        &self,
        list: &VerifiedList,
        ask: Ask,
        itl: Option<&VerifiedList>,
        phone: &ListedPhone,
    ) -> TvsStatus {
        let list = NewList::of(list);
        let Some(certificate) = &list.certificate else { return TvsStatus::NotAsked };
        let model: String = phone.model.chars().filter(char::is_ascii_digit).collect();
        let device_name = &format!("CP-{model}-{}", phone.name)[..];
        let tls = self.options.tls(itl.map(|itl| itl.list().records()));
        let question = tvs::Question { certificate, signer: &list.signer, ask, device_name, tls };
        let answers = self.there.iter().map(|at| TvsStatus::of(&at.to_string(), &tvs::ask(at, &question)));
        TvsStatus::together(answers.chain(self.failed.iter().cloned()).collect())
    }
}
