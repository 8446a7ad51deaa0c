//! Requests and answers that somebody changed on their way: refused, or the same plan; never another signature.

use sastctl::trustlist::digest;
use sastctl::workflow::exchange::{ExchangeError, SigningAnswer, SigningRequest};
use sastctl::workflow::signing::BatchFile;
use serde_json::{Map, Value};

use crate::exchange::{A, B, REVERT, request, revert, sign, world};
use crate::pki;
use crate::support::{Numbers, rounds};

/// A JSON document whose fields keep their order, and may be there twice.
#[derive(Clone, PartialEq)]
pub enum Tree {
    Leaf(Value),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Key(String),
    At(usize),
}

impl Tree {
    pub fn read(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap()
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap();
        bytes.push(b'\n');
        bytes
    }

    /// With a digest that fits, as somebody would make it who changes a request on its way.
    pub fn sealed(&self) -> Vec<u8> {
        let mut sealed = self.clone();
        let Tree::Object(fields) = &mut sealed else { return self.bytes() };
        let Some(at) = fields.iter().position(|(key, _)| key == "digest") else { return self.bytes() };
        fields[at].1 = Tree::Leaf("".into());
        let sum = digest::hex(&digest::sha256(&sealed.bytes()), "");
        let Tree::Object(fields) = &mut sealed else { unreachable!() };
        fields[at].1 = Tree::Leaf(sum.into());
        sealed.bytes()
    }

    pub fn at(&mut self, path: &[Step]) -> &mut Tree {
        let Some((first, rest)) = path.split_first() else { return self };
        match (self, first) {
            (Tree::Object(fields), Step::Key(key)) => {
                fields.iter_mut().find(|(k, _)| k == key).unwrap().1.at(rest)
            }
            (Tree::List(items), Step::At(at)) => items[*at].at(rest),
            _ => panic!("{path:?}"),
        }
    }

    fn has(&self, path: &[Step]) -> Option<&Tree> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        match (self, first) {
            (Tree::Object(fields), Step::Key(key)) => fields.iter().find(|(k, _)| k == key)?.1.has(rest),
            (Tree::List(items), Step::At(at)) => items.get(*at)?.has(rest),
            _ => None,
        }
    }

    /// The path of every field and every item.
    fn paths(&self) -> Vec<Vec<Step>> {
        let below = |step: Step, tree: &Tree| {
            let inner = tree.paths().into_iter().map(|path| [vec![step.clone()], path].concat());
            std::iter::once(vec![step.clone()]).chain(inner.collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        match self {
            Tree::Leaf(_) => vec![],
            Tree::List(items) => {
                items.iter().enumerate().flat_map(|(at, it)| below(Step::At(at), it)).collect()
            }
            Tree::Object(fields) => {
                fields.iter().flat_map(|(key, it)| below(Step::Key(key.clone()), it)).collect()
            }
        }
    }

    /// With the field at a path gone, doubled, behind the next one, or as in another document.
    fn changed(&self, path: &[Step], other: &Tree) -> Vec<Tree> {
        let (last, parent) = path.split_last().unwrap();
        let mut all: Vec<Tree> = (0..3).map(|_| self.clone()).collect();
        for (how, tree) in all.iter_mut().enumerate() {
            match (tree.at(parent), last) {
                (Tree::Object(fields), Step::Key(key)) => {
                    let at = fields.iter().position(|(k, _)| k == key).unwrap();
                    one_way(fields, at, how);
                }
                (Tree::List(items), Step::At(at)) => one_way(items, *at, how),
                _ => panic!("{path:?}"),
            }
        }
        if let Some(theirs) = other.has(path) {
            let mut replaced = self.clone();
            *replaced.at(path) = theirs.clone();
            all.push(replaced);
        }
        all.retain(|tree| tree != self);
        all
    }
}

fn one_way<T: Clone>(items: &mut Vec<T>, at: usize, how: usize) {
    match how {
        0 => drop(items.remove(at)),
        1 => items.insert(at, items[at].clone()),
        _ => {
            let next = (at + 1) % items.len();
            items.swap(at, next);
        }
    }
}

impl serde::Serialize for Tree {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Leaf(value) => value.serialize(serializer),
            Tree::List(items) => serializer.collect_seq(items),
            Tree::Object(fields) => serializer.collect_map(fields.iter().map(|(key, it)| (key, it))),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Tree {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> serde::de::Visitor<'de> for Reads {
            type Value = Tree;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut fields = vec![];
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Tree::Object(fields))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
                let mut items = vec![];
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Tree::List(items))
            }
            fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
                Ok(Tree::Leaf(text.into()))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
                Ok(Tree::Leaf(value.into()))
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Leaf(Value::Null))
            }
        }
        deserializer.deserialize_any(Reads)
    }
}

pub type Read = Result<(SigningRequest, Vec<BatchFile>), ExchangeError>;

pub fn read(request: &[u8]) -> Read {
    SigningRequest::read(request, pki::spell)
}

fn plans(read: &Read) -> Option<Vec<String>> {
    Some(read.as_ref().ok()?.1.iter().map(|file| file.digest().to_string()).collect())
}

/// Two requests that differ in every field, and the answers to them.
fn two_of_each() -> [Vec<u8>; 4] {
    let world = world("tokenless.tlv");
    request(&world, &[&REVERT[..], &["--change", "CHG1", "--cluster-name", "one"]].concat()).done();
    sign(&world).done();
    let (request, answer) = (world.read("R.sastreq"), world.read("R.sastans"));
    std::thread::sleep(std::time::Duration::from_secs(1));
    let other =
        ["request", "update", "CTLFile.tlv", "--add-token", A, "--token", B, "--force", "--valid", "3"];
    let more = ["--change", "CHG2", "--cluster-name", "two", "--out", "R.sastreq", "--signer-version", "1.1"];
    world.run(&[&other[..], &more].concat()).done();
    sign(&world).done();
    [request, answer, world.read("R.sastreq"), world.read("R.sastans")]
}

#[test]
fn a_changed_request_is_refused_or_is_the_same_plan() {
    let [request, _, other, _] = two_of_each();
    let wanted = plans(&read(&request));
    assert!(wanted.is_some() && plans(&read(&other)).is_some());
    let mut numbers = Numbers(7);
    for at in (0..request.len()).step_by(rounds(97, 1)) {
        let mut changed = request.clone();
        changed[at] ^= 1 << numbers.below(8);
        assert!(read(&changed).is_err(), "byte {at}");
        assert!(read(&request[..at]).is_err(), "cut at byte {at}");
    }
    let (tree, other) = (Tree::read(&request), Tree::read(&other));
    assert!(tree.bytes() == request);
    for path in tree.paths() {
        for changed in tree.changed(&path, &other) {
            assert!(read(&changed.bytes()).is_err(), "{path:?}");
            let sealed = read(&changed.sealed());
            let same = plans(&sealed).is_none_or(|plans| Some(plans) == wanted);
            assert!(same, "{path:?}: another plan is not shown as it was asked for");
        }
    }
}

/// Small values take more memory than text.
#[test]
fn a_request_cannot_fill_the_memory() {
    let [request, ..] = two_of_each();
    let at = request.windows(9).position(|w| w == b"\"steps\": ").unwrap() + 9;
    for (more, said) in [
        (600_000, "more than 1048576 bytes"),
        (30_000_000, "more than 1000000 values"),
        (40_000_000, "more than 67108864 bytes"),
    ] {
        let zeros = "0,".repeat(more);
        let hostile = [&request[..=at], zeros.as_bytes(), &request[at + 1..]].concat();
        let refused = read(&hostile).unwrap_err().to_string();
        assert!(refused.contains(said), "{more}: {refused}");
    }
}

/// The machine that asks and the one that signs may have different systems.
#[test]
fn a_request_of_another_system_is_read_here() {
    let world = world("tokenless.tlv");
    std::fs::write(world.path("SEP001122334455.cnf.xml"), "<device/>").unwrap();
    revert(&world).done();
    let list = world.read("R.sastreq");
    request(&world, &["sign", "SEP001122334455.cnf.xml"]).done();
    for (request, path, name) in [
        (list, &["work", "revert", "in_force", "file"][..], "CTLFile.tlv"),
        (world.read("R.sastreq"), &["work", "sign", "files"], "SEP001122334455.cnf.xml"),
    ] {
        let wanted = plans(&read(&request));
        let mut path: Vec<_> = path.iter().map(|key| Step::Key((*key).to_owned())).collect();
        if path.len() == 3 {
            path.extend([Step::At(0), Step::Key("file".to_owned())]);
        }
        for folder in [r"C:\Users\you\", "/home/you/", "../"] {
            let mut elsewhere = Tree::read(&request);
            *elsewhere.at(&path) = Tree::Leaf(format!("{folder}{name}").into());
            let elsewhere = read(&elsewhere.sealed());
            assert!(wanted.is_some() && plans(&elsewhere) == wanted, "{folder}: {:?}", elsewhere.err());
        }
    }
}

#[test]
fn a_refusal_names_the_field() {
    let [request, ..] = two_of_each();
    let tree = Tree::read(&request);
    let key = |key: &str| Step::Key(key.to_owned());
    let file = [key("work"), key("revert"), key("in_force"), key("md5")];
    let step = [key("plans"), Step::At(0), key("steps"), Step::At(0), Step::At(2)];
    let mut said = vec![];
    for path in [&[key("serial")][..], &[key("expires")], &file, &step, &[key("signer"), key("name")]] {
        let mut changed = tree.clone();
        *changed.at(path) = Tree::Leaf("2027-01-01T00:00:00Z".into());
        let sealed = if path[0] == key("expires") { changed.bytes() } else { changed.sealed() };
        said.push(read(&sealed).unwrap_err().to_string());
    }
    let mut more = tree.clone();
    let Tree::Object(fields) = more.at(&[key("signer")]) else { panic!() };
    fields.push(("colour".to_owned(), Tree::Leaf("red".into())));
    said.push(read(&more.sealed()).unwrap_err().to_string());
    let [doubled, ..] = &tree.changed(&[key("change")], &tree)[1..] else { panic!() };
    said.push(read(&doubled.bytes()).unwrap_err().to_string());
    insta::assert_snapshot!(said.join("\n"), @"
    the request was changed after it was made: the field serial does not fit the rest
    the request was changed after it was made: the field digest does not fit the rest
    the request was changed after it was made: the field work.revert.in_force.md5 does not fit the rest
    the request was changed after it was made: the field plans.0.steps.0.2 does not fit the rest
    the request was changed after it was made: the field signer.name does not fit the rest
    it is not a request that this version reads: unknown field `colour`, expected one of `name`, `sha256`, `der` at line 14 column 12
    it is not a request that this version reads: duplicate field `change` at line 9 column 10
    ");
}

#[test]
fn a_changed_answer_is_refused_or_is_the_same_file() {
    let [request, answer, other_request, other] = two_of_each();
    let apply = |bytes: &[u8]| {
        let (request, batch) = read(&request).unwrap();
        let signed = SigningAnswer::read(bytes, &request, batch).ok()?.1;
        Some(signed.iter().map(|file| file.new_file().bytes.to_vec()).collect::<Vec<_>>())
    };
    let wanted = Some(vec![pki::golden_bytes("token-signed.tlv")]);
    assert!(apply(&answer) == wanted);
    assert!(apply(&other).is_none(), "a foreign answer");
    let is_fine = |bytes: &[u8]| apply(bytes).is_none_or(|files| Some(files) == wanted);
    let mut numbers = Numbers(11);
    for at in (0..answer.len()).step_by(rounds(211, 1)) {
        let mut changed = answer.clone();
        changed[at] ^= 1 << numbers.below(8);
        assert!(is_fine(&changed), "byte {at}");
        assert!(apply(&answer[..at]).is_none(), "cut at byte {at}");
    }
    let (tree, other) = (Tree::read(&answer), Tree::read(&other));
    for path in tree.paths() {
        for changed in tree.changed(&path, &other) {
            assert!(is_fine(&changed.bytes()), "{path:?}");
        }
    }
    // Whoever names another request in a true answer is found out by the journal that the token signed.
    let mut foreign = other;
    let asked: Map<String, Value> = serde_json::from_slice(&request).unwrap();
    for (field, of) in [("serial", "serial"), ("request", "digest"), ("certificate", "signer")] {
        let value = serde_json::from_value(asked[of].clone()).unwrap();
        *foreign.at(&[Step::Key(field.to_owned())]) = value;
    }
    assert!(apply(&foreign.bytes()).is_none());
    assert!(read(&other_request).is_ok());
}
