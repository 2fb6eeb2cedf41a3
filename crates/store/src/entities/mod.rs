//! The tables, a file each. Queries stand apart, in [`crate::queries`].

pub mod document;
pub mod document_segment;
pub mod document_snapshot;
pub mod document_update;
