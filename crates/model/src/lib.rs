//! The vocabulary of Tandem: ids, names, rights, limits, and the ports that actors call.
//!
//! Pure: no IO. What talks to the outside stands behind a trait here ([`log::Log`]), with an
//! in-memory double beside it ([`memory::MemoryLog`]) and one suite that both must pass
//! ([`conformance`], behind the feature of that name).

pub mod authority;
pub mod clock;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod ids;
pub mod limits;
pub mod log;
pub mod memory;
pub mod name;
pub mod places;
pub mod right;

pub use authority::{Authority, Denied, Grant};
pub use clock::{SystemClock, WallClock};
pub use ids::{ClientId, Clock, DocumentId, Epoch, Id, Seq, SessionId, Subject};
pub use limits::Limits;
pub use name::{DocumentName, NameError};
pub use places::{Place, Places};
pub use right::Right;
