//! `tandem token`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use secrecy::ExposeSecret;

use super::refuse;
use crate::app;
use crate::auth::{Claims, Rooms};
use crate::cli::TokenArgs;
use crate::config::Configuration;
use crate::exit::Exit;

/// Mints a token and prints it alone, so that a script can take it.
pub fn run(configuration: &Configuration, args: TokenArgs) -> Exit {
    let file = Path::new(&configuration.settings.auth.secret_file);
    let makes_one = configuration.secret.is_none() && !file.exists();
    let tokens = match app::tokens(configuration) {
        Ok(tokens) => tokens,
        Err(error) => return refuse(&error, Exit::Config),
    };
    if makes_one {
        eprintln!(
            "made a new signing secret, {}: a server that is started elsewhere has another, and refuses this token",
            file.display()
        );
    }
    let mut rooms: BTreeMap<_, _> = args.right.map(|right| ("*".to_owned(), right)).into_iter().collect();
    rooms.extend(args.rooms);
    if rooms.is_empty() && configuration.settings.auth.default_right.right().is_none() {
        eprintln!("this token opens nothing: it names no document (--room, --right), and auth.default_right is none");
    }
    let rooms = (!rooms.is_empty()).then_some(Rooms(rooms));
    let claims = Claims::about(&args.sub, args.name.as_deref(), rooms);
    match tokens.mint(claims, args.expires, SystemTime::now()) {
        Ok(minted) => {
            println!("{}", minted.token.expose_secret());
            Exit::Done
        }
        Err(error) => refuse(&error, Exit::Usage),
    }
}
