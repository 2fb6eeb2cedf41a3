//! `tandem migrate`.

use std::time::Instant;

use secrecy::ExposeSecret;
use tandem_store::Store;

use super::{exit_of, refuse};
use crate::config::Configuration;
use crate::exit::Exit;

/// Applies what is pending.
pub async fn run(configuration: Configuration) -> Exit {
    let since = Instant::now();
    match Store::migrate(configuration.settings.store.database_url.expose_secret()).await {
        Ok(applied) if applied.is_empty() => {
            println!("the schema is up to date");
            Exit::Done
        }
        Ok(applied) => {
            for step in &applied {
                println!("applied {step}");
            }
            println!("{} applied in {} ms", applied.len(), since.elapsed().as_millis());
            Exit::Done
        }
        Err(error) => refuse(&error, exit_of(&error)),
    }
}
