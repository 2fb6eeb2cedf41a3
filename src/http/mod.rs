//! The HTTP edge: parses, checks, authenticates, and hands over. No room, no SQL.
//!
//! A request passes [`service`] (host, base path, CORS, body, and on its way back the security headers), then the
//! routes below, an area a file. Handlers return answers or a [`problem::Problem`]; a rejection only means "not my
//! route".

pub mod address;
pub mod backend;
mod cors;
mod documents;
mod edge;
#[cfg(feature = "failpoints")]
mod failpoints;
mod guest;
mod handshake;
mod headers;
mod health;
pub mod hosts;
mod pages;
pub mod problem;
mod route;
mod server;
mod service;
mod socket;
mod upgrade;

pub use backend::Backend;
pub use edge::{Edge, EdgeSettings};
pub use pages::Pages;
pub use server::serve;
pub use socket::Socket;

/// What handlers answer with.
pub type Response = warp::reply::Response;
