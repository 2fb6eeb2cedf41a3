//! Nothing by itself: see `benches/parts.rs`, and `make bench-parts`.
