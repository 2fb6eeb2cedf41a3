//! Black-box tests of the edge: each starts the binary on a free port in a folder of its own and speaks HTTP to it.

mod api;
mod command_line;
mod configuration;
mod headers;
mod hosts;
mod life;
mod limits;
mod pages;
mod sockets;
mod support;
mod tokens;
