//! Reading a page from a phone's own web server. It needs no login. The phone's certificate is self-signed or Cisco's, and its
//! TLS may be old, so a page proves nothing against somebody who changes the network.

use std::io;
use std::time::{Duration, Instant};

use super::{bracketed, config, pinned};

/// The longest page that is read, in bytes.
const LONGEST_PAGE: u64 = 256 * 1024;
/// How many redirects are followed.
const MOST_REDIRECTS: usize = 3;

/// Where a phone's pages are. The time is for all of them together.
#[derive(Debug, Clone)]
pub struct PhoneServer {
    host: String,
    http: u16,
    https: u16,
    deadline: Instant,
    /// Set once the phone is only reached by HTTPS.
    by_https: bool,
}

/// Why a page was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the words say what each is")]
pub enum PageError {
    /// Neither HTTP nor HTTPS: web access is off, which is the default of phones.
    #[error("its web access is off")]
    Closed,
    #[error("it does not answer in time")]
    Timeout,
    #[error("it is not reached: {0}")]
    NotReached(String),
    #[error("it does not speak HTTP: {0}")]
    NotHttp(String),
    #[error("it answers {0}")]
    Status(u16),
    #[error("it sends readers to another host: {0}")]
    OtherHost(String),
    #[error("its redirects do not end")]
    Redirects,
    #[error("its page has more than {LONGEST_PAGE} bytes")]
    TooLarge,
}

impl PhoneServer {
    /// A phone, and the ports of its HTTP and HTTPS.
    pub fn new(host: &str, (http, https): (u16, u16), limit: Duration) -> Self {
        let now = Instant::now();
        let deadline = now.checked_add(limit).unwrap_or(now);
        PhoneServer { host: host.to_owned(), http, https, deadline, by_https: false }
    }

    /// Reads a page; `path` begins with `/`. Tries HTTP, then HTTPS.
    pub fn read(&mut self, path: &str) -> Result<Vec<u8>, PageError> {
        if !self.by_https {
            match self.follow(path) {
                Err(PageError::Closed) => self.by_https = true,
                done => return done,
            }
        }
        self.follow(path)
    }

    /// Reads a page, and what it redirects to on the same phone.
    fn follow(&mut self, path: &str) -> Result<Vec<u8>, PageError> {
        let mut path = path.to_owned();
        for _ in 0..MOST_REDIRECTS {
            match self.get(&path)? {
                Answer::Page(bytes) => return Ok(bytes),
                Answer::Redirect(to) => path = self.on_the_same_phone(&to)?,
            }
        }
        Err(PageError::Redirects)
    }

    fn get(&self, path: &str) -> Result<Answer, PageError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(PageError::Timeout);
        }
        let (scheme, port) = if self.by_https { ("https", self.https) } else { ("http", self.http) };
        let url = format!("{scheme}://{}:{port}{path}", bracketed(&self.host));
        let agent = if self.by_https {
            pinned::any_certificate(config(left), &self.host)
        } else {
            ureq::Agent::from(config(left))
        };
        let mut answer = agent.get(&url).call().map_err(|e| failed(&e))?;
        let status = answer.status();
        if status.is_redirection() {
            let to = answer.headers().get("location").and_then(|to| to.to_str().ok());
            return to.map(|to| Answer::Redirect(to.to_owned())).ok_or(PageError::Status(status.as_u16()));
        }
        if status != 200 {
            return Err(PageError::Status(status.as_u16()));
        }
        match answer.body_mut().with_config().limit(LONGEST_PAGE).read_to_vec() {
            Ok(bytes) => Ok(Answer::Page(bytes)),
            Err(ureq::Error::BodyExceedsLimit(_)) => Err(PageError::TooLarge),
            Err(e) => Err(failed(&e)),
        }
    }

    /// The path of a redirect. Another host is not asked: it would be another phone, or none.
    fn on_the_same_phone(&mut self, to: &str) -> Result<String, PageError> {
        let Some((scheme, rest)) = to.split_once("://") else {
            return Ok(if to.starts_with('/') { to.to_owned() } else { format!("/{to}") });
        };
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let bare = bracketed(&self.host);
        let is_same = place.strip_prefix(&bare).is_some_and(|port| port.is_empty() || port.starts_with(':'));
        if !is_same {
            return Err(PageError::OtherHost(place.chars().filter(|c| !c.is_control()).take(100).collect()));
        }
        self.by_https = scheme.eq_ignore_ascii_case("https");
        Ok(if path.is_empty() { "/".to_owned() } else { path.to_owned() })
    }
}

enum Answer {
    Page(Vec<u8>),
    Redirect(String),
}

fn failed(error: &ureq::Error) -> PageError {
    match error {
        ureq::Error::Io(e) if e.kind() == io::ErrorKind::ConnectionRefused => PageError::Closed,
        ureq::Error::Io(e) if e.kind() == io::ErrorKind::TimedOut => PageError::Timeout,
        ureq::Error::Timeout(_) => PageError::Timeout,
        ureq::Error::Protocol(e) => PageError::NotHttp(e.to_string()),
        e => PageError::NotReached(e.to_string()),
    }
}
