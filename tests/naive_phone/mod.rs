//! Two implementations of the phone's decision, the program's and a simple one written only from docs/facts.md, agree for
//! random states: installed CTL and ITL, new list, TVS, class.

pub mod decide;
mod pool;
pub mod reader;

use std::collections::BTreeMap;

use sastctl::phone::tvs::Ask;
use sastctl::phone::{
    Decision, Installed, InstalledItl, NewList, PhoneClass, TvsStatus, Way, assess_classes,
};
use sastctl::trustlist::Function;

use crate::support::rounds;
use decide::{Class, Outcome, Says, Server, Tvs};
use pool::{Made, Pool, Random};

/// The installed lists of a phone, and the new list.
struct State<'a> {
    class: Class,
    ctl: Option<&'a Made>,
    /// `None`: no ITL; `Some(None)`: an ITL that was not given.
    itl: Option<Option<&'a Made>>,
    new: &'a Made,
    tvs: Tvs,
}

impl State<'_> {
    fn describe(&self) -> String {
        let name = |made: Option<&Made>| made.map_or("-".to_owned(), |made| made.name.clone());
        let itl =
            self.itl.map_or("-".to_owned(), |itl| itl.map_or("not shown".to_owned(), |m| m.name.clone()));
        let tvs = match &self.tvs {
            Tvs::Asked { servers, .. } => {
                let server = |s: &Server| format!("{} says {:?}", pool::tvs_name(&s.shows), s.says);
                servers.iter().map(server).collect::<Vec<_>>().join(", ")
            }
            other => format!("{other:?}"),
        };
        format!(
            "{:?}\n    CTL {}\n    ITL {itl}\n    new {}\n    TVS {tvs}",
            self.class,
            name(self.ctl),
            self.new.name
        )
    }

    fn naive(&self) -> Option<(Outcome, &'static str)> {
        let itl = match self.itl {
            None => decide::Itl::None,
            Some(None) => decide::Itl::NotShown,
            Some(Some(made)) => decide::Itl::Shown(&made.read),
        };
        let ctl = self.ctl.map(|made| &made.read);
        decide::verifier(ctl, itl, &self.new.read)?;
        Some(decide::decide(self.class, ctl, itl, &self.new.read, &self.tvs))
    }

    /// The certificates that `--tvs` sees are compared with the installed ITL.
    fn vouch(&self) -> TvsStatus {
        let (query, servers) = match &self.tvs {
            Tvs::NotAsked => return TvsStatus::NotAsked,
            Tvs::Uploaded => return TvsStatus::Uploaded,
            Tvs::NotUploaded => return TvsStatus::NotUploaded,
            Tvs::Asked { query, servers } => (*query, servers),
        };
        let whole = self.itl.flatten().filter(|itl| !decide::is_emptied(&itl.read));
        let known = whole.map(|itl| decide::tvs_records(&itl.read));
        let of = |(number, asked): (usize, &Server)| {
            let server = format!("tvs{number}");
            match (&asked.says, &known) {
                (Says::Nothing, _) => TvsStatus::NoAnswer { server, why: "no connection".to_owned() },
                (_, Some(known)) if !known.contains(&asked.shows) => {
                    TvsStatus::OtherCertificate { servers: vec![server] }
                }
                (Says::Invalid, _) => TvsStatus::Invalid { server },
                (Says::Valid(_), None) => TvsStatus::Unchecked { server },
                (Says::Valid(roles), _) => {
                    let roles = roles.iter().map(|role| Function(*role)).collect();
                    TvsStatus::Valid { server, roles, asked: if query { Ask::Query } else { Ask::Verify } }
                }
            }
        };
        TvsStatus::together(servers.iter().enumerate().map(of).collect())
    }

    fn product(&self) -> Option<(Outcome, Vec<String>)> {
        let held = Installed {
            ctl: self.ctl.map(|made| made.verified.clone().unwrap()),
            itl: match self.itl {
                None => InstalledItl::None,
                Some(None) => InstalledItl::Unknown,
                Some(Some(made)) => InstalledItl::of(&made.list).unwrap(),
            },
        };
        let installed = held.as_ref();
        let new = installed.verify(&self.new.list).ok()?;
        let new = NewList::of(&new);
        let class = match self.class {
            Class::SecurityByDefault => PhoneClass::SecurityByDefault,
            Class::WithoutTvs => PhoneClass::WithoutTvs,
            Class::NoListYet => PhoneClass::WithoutList,
        };
        let verdicts = assess_classes(&installed, &new, &self.vouch());
        let verdict = &verdicts.iter().find(|v| v.class == class).unwrap().verdict;
        let outcome = match verdict.decision {
            Decision::Accepts(Way::Blind) => Outcome::Blind,
            Decision::Accepts(Way::Ctl) => Outcome::ByCtl,
            Decision::Accepts(Way::Itl) => Outcome::ByItl,
            Decision::Accepts(Way::Tvs) => Outcome::ByTvs,
            Decision::Refuses => Outcome::Refused,
            Decision::NotKnown => Outcome::NotKnown,
            Decision::DoesNotApply => Outcome::DoesNotApply,
        };
        Some((outcome, verdict.reasons.iter().map(ToString::to_string).collect()))
    }
}

fn state<'a>(pool: &'a Pool, random: &mut Random) -> State<'a> {
    let class = [Class::SecurityByDefault, Class::SecurityByDefault, Class::WithoutTvs, Class::NoListYet];
    let new = if random.one_in(2) { &pool.ctls } else { &pool.itls };
    let mut any = |lists: &'a [Made]| &lists[random.below(lists.len())];
    let (ctl, itl, emptied, new) = (any(&pool.ctls), any(&pool.itls), any(&pool.emptied), any(new));
    State {
        class: class[if random.one_in(8) { 3 } else { random.below(3) }],
        ctl: (!random.one_in(4)).then_some(ctl),
        itl: match random.below(10) {
            0 | 1 => None,
            2 => Some(None),
            3 | 4 => Some(Some(emptied)),
            _ => Some(Some(itl)),
        },
        new: if random.one_in(10) { emptied } else { new },
        tvs: pool.tvs(random),
    }
}

#[test]
fn both_implementations_decide_the_same_in_every_state() {
    let rounds = rounds(4_000, 100_000);
    const SEED: u64 = 0x5a57_c711;
    println!("seed {SEED:#x}");
    let mut random = Random(SEED);
    let pool = Pool::new(&mut random);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    let mut differences = vec![];
    let (mut number, mut judged) = (0, 0);
    while judged < rounds {
        number += 1;
        let state = state(&pool, &mut random);
        let (naive, product) = (state.naive(), state.product());
        let row = naive.map_or("phones.emptied.arrives", |(_, row)| row);
        *rows.entry(row).or_default() += 1;
        let naive = naive.map(|(outcome, _)| outcome);
        let reasons = product.as_ref().map(|p| p.1.clone()).unwrap_or_default();
        let product = product.map(|p| p.0);
        let outcome = product.map_or("not verified".to_owned(), |outcome| format!("{outcome:?}"));
        *counts.entry(outcome).or_default() += 1;
        judged += usize::from(product.is_some());
        if naive != product {
            differences.push((
                format!("naive {naive:?}, program {product:?}"),
                format!("state {number}, {row}: {}\n    {}", state.describe(), reasons.join("\n    ")),
            ));
        }
    }
    println!("{counts:?}\n{rows:?}");
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (kind, state) in &differences {
        kinds.entry(kind).or_default().push(state);
    }
    let shown = |(kind, states): (&&str, &Vec<&str>)| {
        format!("{kind}: {} states\n{}", states.len(), states[..states.len().min(4)].join("\n"))
    };
    assert!(differences.is_empty(), "{}", kinds.iter().map(shown).collect::<Vec<_>>().join("\n"));
    use Outcome as O;
    for outcome in [O::Blind, O::ByCtl, O::ByItl, O::ByTvs, O::Refused, O::NotKnown, O::DoesNotApply] {
        let n = counts.get(&format!("{outcome:?}")).copied().unwrap_or_default();
        assert!(n >= rounds / 100, "{outcome:?}: {n} of {rounds} states: {counts:?}");
    }
    assert!(counts.contains_key("not verified"), "{counts:?}");
    let page = String::from_utf8(crate::pki::read("docs/facts.md")).unwrap();
    for (row, n) in &rows {
        assert!(*n > 0 && page.contains(&format!("\n| {row} |")), "{row} decided {n} states: {rows:?}");
    }
    assert_eq!(rows.len(), 25, "{rows:?}");
}

/// A phone may ask any of them: the order does not matter.
#[test]
fn among_valid_answers_the_one_with_the_fewest_roles_counts() {
    let valid = |roles: &[Function]| TvsStatus::Valid {
        server: "pub".to_owned(),
        roles: roles.to_vec(),
        asked: Ask::Query,
    };
    for (more, less) in [
        (&[Function::CCM_TFTP][..], &[][..]),
        (&[Function::SAST], &[Function::CCM_TFTP]),
        (&[Function::SAST, Function::CCM_TFTP], &[Function::SAST]),
        (&[Function::CCM_TFTP], &[Function::CAPF]),
    ] {
        for answers in [[more, less], [less, more]] {
            assert_eq!(TvsStatus::together(answers.map(valid).into()), valid(less), "{answers:?}");
        }
    }
}
