//! `tandem check`.

use std::path::Path;

use secrecy::ExposeSecret;
use tandem_store::Store;

use super::{describe, exit_of, refuse};
use crate::config::Configuration;
use crate::exit::Exit;

/// Says what would be served with, and changes nothing.
pub async fn run(configuration: Configuration) -> Exit {
    println!("configuration: valid ({})", describe(&configuration));
    println!("signing secret: {}", secret(&configuration));
    let pending = match Store::pending(configuration.settings.store.database_url.expose_secret()).await {
        Ok(pending) => pending,
        Err(error) => return refuse(&error, exit_of(&error)),
    };
    println!("database: reached");
    if pending.is_empty() {
        println!("migrations: none pending");
    } else {
        println!("migrations: {} pending, `tandem serve` and `tandem migrate` apply them:", pending.len());
        for step in pending {
            println!("  {step}");
        }
    }
    Exit::Done
}

fn secret(configuration: &Configuration) -> String {
    let path = &configuration.settings.auth.secret_file;
    match &configuration.secret {
        Some(_) => "from the environment".into(),
        None if Path::new(path).exists() => format!("in {path}"),
        None => format!("made at the first start, in {path}"),
    }
}
