//! What `DATABASE_URL` may say of a file.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::folder;
use crate::error::OpenError;
use crate::scheme;

/// Where the database's file is, and whether it may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as the URL gives it.
    pub path: PathBuf,
    /// Whether a missing file is made.
    pub missing: Missing,
}

/// What becomes of a file that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is made (`mode=rwc`).
    Make,
    /// It is an error (`mode=rw`, the default).
    Refuse,
}

/// Which file is at a path: removed or replaced, it is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    number: u64,
}

impl Location {
    /// Reads `sqlite://path?mode=rwc`.
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        let Some(rest) = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) else {
            return Err(OpenError::Scheme { scheme: scheme::of(url).to_owned() });
        };
        let wrong = |reason: &str| OpenError::Url { url: url.to_owned(), reason: reason.to_owned() };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if path.is_empty() || path == ":memory:" {
            return Err(wrong("it names no file, and a database in memory keeps nothing"));
        }
        let mut missing = Missing::Refuse;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            missing = match pair {
                "mode=rwc" => Missing::Make,
                "mode=rw" => Missing::Refuse,
                _ => return Err(wrong(&format!("`{pair}` is not known; allowed are mode=rw and mode=rwc"))),
            };
        }
        let path = decode(path).ok_or_else(|| wrong("its path has an escape that is no UTF-8"))?;
        if path.contains('\0') {
            return Err(wrong("its path holds a zero byte"));
        }
        Ok(Self { path: PathBuf::from(path), missing })
    }

    /// Whether there is a file, or one may be made.
    pub fn possible(&self) -> Result<(), OpenError> {
        match self.path.metadata() {
            Ok(there) if there.is_dir() => Err(OpenError::IsFolder { path: self.path.clone() }),
            Err(error) if error.kind() == ErrorKind::NotFound && self.missing == Missing::Refuse => {
                Err(OpenError::Missing { path: self.path.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Whether this user may write the file and its folder, or make them. Writes nothing.
    pub fn writable(&self) -> Result<(), OpenError> {
        self.possible()?;
        if self.path.exists() {
            access(&self.path, Access::READ_OK | Access::WRITE_OK)
                .map_err(|error| OpenError::Unusable { path: self.path.clone(), reason: error.to_string() })?;
        }
        // The write-ahead log and the lock are beside the file itself, not beside a link to it.
        let real = self.real();
        let place = folder::of(&real);
        let nearest = nearest(place);
        let outcome =
            if nearest.is_dir() { access(nearest, Access::WRITE_OK | Access::EXEC_OK) } else { Err(Errno::NOTDIR) };
        outcome.map_err(|error| OpenError::Folder { path: place.to_owned(), source: error.into() })
    }

    /// The file that is there now; nothing if there is none.
    pub fn identity(&self) -> Option<Identity> {
        let file = fs::metadata(&self.path).ok()?;
        Some(Identity { device: file.dev(), number: file.ino() })
    }

    /// The folder that the file is in.
    pub fn folder(&self) -> &Path {
        folder::of(&self.path)
    }

    /// The file that says which process owns the database.
    pub fn lock_path(&self) -> PathBuf {
        let mut name = self.real().into_os_string();
        name.push(".lock");
        PathBuf::from(name)
    }

    /// The path without links, so that two ways to one file meet at one lock.
    fn real(&self) -> PathBuf {
        if let Ok(real) = self.path.canonicalize() {
            return real;
        }
        match (self.folder().canonicalize(), self.path.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => self.path.clone(),
        }
    }
}

/// The folder itself, or the nearest one above it that is there.
fn nearest(folder: &Path) -> &Path {
    let mut nearest = folder;
    while !nearest.exists() && nearest != Path::new(".") && nearest != Path::new("/") {
        nearest = folder::of(nearest);
    }
    nearest
}

fn decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high << 4 | low).ok()?);
                at += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> (String, Missing) {
        let location = Location::parse(url).expect("a location");
        (location.path.display().to_string(), location.missing)
    }

    #[test]
    fn a_url_gives_path_and_mode() {
        assert_eq!(parse("sqlite://data/tandem.db?mode=rwc"), ("data/tandem.db".into(), Missing::Make));
        assert_eq!(parse("sqlite:///var/lib/tandem.db"), ("/var/lib/tandem.db".into(), Missing::Refuse));
        assert_eq!(parse("sqlite:a%20b.db?mode=rw"), ("a b.db".into(), Missing::Refuse));
    }

    #[test]
    fn a_url_that_names_no_file_is_refused() {
        for url in
            ["sqlite://", "sqlite::memory:", "sqlite://:memory:", "sqlite://a?mode=ro", "sqlite://a?cache=shared"]
        {
            assert!(matches!(Location::parse(url), Err(OpenError::Url { .. })), "{url}");
        }
    }
}
