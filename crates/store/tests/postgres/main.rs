//! The log on PostgreSQL: a server of this binary's own, a database a test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../support/mod.rs"]
mod support;

mod conformance;
mod opening;
mod plans;
mod refusals;
mod schema;
mod telling;
mod writers;
