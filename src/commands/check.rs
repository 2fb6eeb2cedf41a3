//! `tandem check`.

use std::path::Path;

use secrecy::ExposeSecret;
use tandem_store::Store;

use super::{describe, exit_of, refuse};
use crate::app;
use crate::auth::{SecretError, present_secret};
use crate::config::Configuration;
use crate::exit::Exit;

/// Says what would be served with, and changes nothing.
pub async fn run(configuration: Configuration) -> Exit {
    println!("configuration: valid ({})", describe(&configuration));
    match secret(&configuration) {
        Ok(secret) => println!("signing secret: {secret}"),
        Err(error) => return refuse(&error, Exit::Config),
    }
    if let Some(warning) = app::unreachable_by_name(&configuration) {
        println!("warning: {warning}");
    }
    let pending = match Store::pending(configuration.settings.store.database_url.expose_secret()).await {
        Ok(pending) => pending,
        Err(error) => return refuse(&error, exit_of(&error)),
    };
    println!("database: no fault found");
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

fn secret(configuration: &Configuration) -> Result<String, SecretError> {
    let path = &configuration.settings.auth.secret_file;
    Ok(match &configuration.secret {
        Some(_) => "from the environment".into(),
        None if present_secret(Path::new(path))?.is_some() => format!("in {path}"),
        None => format!("made at the first start, in {path}"),
    })
}
