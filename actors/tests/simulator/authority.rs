//! Credentials of simulated clients: `subject right end`, the end in milliseconds of the simulated day.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tandem_model::{Authority, Denied, DocumentName, Grant, Right, Subject};

/// Believes what a credential says.
pub struct Believing;

/// A credential.
pub fn token(subject: &str, right: Right, until: Option<SystemTime>) -> String {
    let right = if right.may_edit() { "editor" } else { "viewer" };
    let end = until.map_or(0, |until| until.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis());
    format!("{subject} {right} {end}")
}

impl Authority for Believing {
    fn grant<'a>(
        &'a self,
        credential: &'a str,
        _: &'a DocumentName,
        now: SystemTime,
    ) -> BoxFuture<'a, Result<Grant, Denied>> {
        async move { read(credential, now) }.boxed()
    }
}

fn read(credential: &str, now: SystemTime) -> Result<Grant, Denied> {
    let mut words = credential.split(' ');
    let (Some(subject), Some(right), Some(end)) = (words.next(), words.next(), words.next()) else {
        return Err(Denied::Unauthenticated);
    };
    let right = if right == "editor" { Right::Editor } else { Right::Viewer };
    let end: u64 = end.parse().map_err(|_| Denied::Unauthenticated)?;
    let until = (end > 0).then(|| UNIX_EPOCH + Duration::from_millis(end));
    if until.is_some_and(|until| until <= now) {
        return Err(Denied::Expired);
    }
    Ok(Grant { subject: Subject::new(subject), right, until })
}
