//! The Yjs update format as data.

pub mod lib0;
