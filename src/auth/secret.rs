//! The signing secret that development makes for itself.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use thiserror::Error;

/// Random bytes of a secret; written as twice as many hexadecimal digits.
const SECRET_BYTES: usize = 32;
/// More than this is no secret of ours.
const FILE_BYTES_MAX: u64 = 4096;

/// Why there is no secret.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file cannot be read or written.
    #[error(
        "{}, the signing secret of a development server: {error}; set JWT_SECRET_KEY, or auth.secret_file to a place that \
         can be written",
        path.display()
    )]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Others may read it.
    #[error("{}: others may read it (mode {mode:o}): `chmod 600` it, or remove it to get a new one", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is not what was written.
    #[error(
        "{}: holds no secret of 32 bytes or more: remove it to get a new one, which ends all tokens of the old",
        path.display()
    )]
    Short {
        /// Which file.
        path: PathBuf,
    },
}

/// Reads the secret at `path`, or makes one there that only its owner can read.
///
/// # Errors
/// [`SecretError`] names the file and what is wrong with it.
pub fn development_secret(path: &Path) -> Result<SecretString, SecretError> {
    let io = |error| SecretError::Io { path: path.into(), error };
    match present_secret(path)? {
        Some(secret) => Ok(secret),
        None => {
            make(path).map_err(io)?;
            read(path, File::open(path).map_err(io)?)
        }
    }
}

/// Reads the secret at `path`, if there is one.
///
/// # Errors
/// As [`development_secret`].
pub fn present_secret(path: &Path) -> Result<Option<SecretString>, SecretError> {
    match File::open(path) {
        Ok(file) => read(path, file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SecretError::Io { path: path.into(), error }),
    }
}

fn read(path: &Path, file: File) -> Result<SecretString, SecretError> {
    let io = |error| SecretError::Io { path: path.into(), error };
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Exposed { path: path.into(), mode });
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(io)?;
    let secret = text.trim();
    if secret.len() < 32 {
        return Err(SecretError::Short { path: path.into() });
    }
    Ok(secret.into())
}

/// Writes a new secret beside `path` and links it there whole, so that of two that start at once both read the same.
fn make(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // For this user alone: documents may come to be in the same folder.
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = path.with_extension(format!("{:x}.new", rand::random::<u64>()));
    let hex: String = rand::random::<[u8; SECRET_BYTES]>().iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let linked = writeln!(file, "{hex}").and_then(|()| file.sync_all()).and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn the_secret_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data/secret");
        let first = development_secret(&path).expect("made");
        assert_eq!(first.expose_secret().len(), 2 * SECRET_BYTES);
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let made = fs::metadata(folder.path().join("data")).expect("there");
        assert_eq!(made.permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(folder.path().join("data")).expect("there").count(), 1, "no draft is left");
        assert_eq!(development_secret(&path).expect("read").expose_secret(), first.expose_secret());
    }

    #[test]
    fn a_file_that_others_read_or_that_is_short_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret");
        development_secret(&path).expect("made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(matches!(development_secret(&path), Err(SecretError::Exposed { mode: 0o644, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        fs::write(&path, "short").expect("written");
        assert!(matches!(development_secret(&path), Err(SecretError::Short { .. })));
    }
}
