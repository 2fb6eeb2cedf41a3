//! One process owns the file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};

use super::location::Location;
use crate::error::OpenError;

/// The lock beside the database's file. The kernel lets go of it when the process ends, however it ends; the lock's file
/// stays, because removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub struct FileLock {
    /// Closing it lets go of the lock.
    _file: File,
}

impl FileLock {
    /// Takes the lock, or says who has it.
    pub fn take(location: &Location) -> Result<Self, OpenError> {
        let lock = location.lock_path();
        let failed = |source| OpenError::Lock { path: lock.clone(), source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file);
                return Err(OpenError::InUse { path: location.path.clone(), lock, holder });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // Who it is only helps a reader of the error: a disk without room for it is no reason not to start.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
