//! Tandem's thin edge: configuration, tokens, HTTP, the WebSocket upgrade, and the application that puts them together
//! with the store and the actors ([`app`] is the one place where they meet).

pub mod app;
pub mod auth;
pub mod cli;
pub mod commands;
pub mod config;
pub mod exit;
pub mod http;
pub mod rests;
pub mod signals;
pub mod steps;
pub mod telemetry;
pub mod version;
