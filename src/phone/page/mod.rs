//! The web pages of a phone, as far as they concern its trust lists: where they are, what they show, and what that says about
//! the CTL of the phone. Pure: `cluster::http` reads the pages. The facts are in `docs/phones.md`, "The phones' own pages".

mod addresses;
mod messages;
mod state;
mod text;

pub use addresses::{PagePaths, page_paths};
pub use messages::{MessageKind, Newest, TrustMessage, newest};
pub use state::{Expected, ListState, checksum, list_state, shown_checksum, shows_lists};
pub use text::PageText;
