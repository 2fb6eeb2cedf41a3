//! Why a database cannot be opened: what, where, and the way out.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the store cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URL is of no database that Tandem stores in. The rest of it is not shown: it may hold a password.
    #[error(
        "DATABASE_URL has the scheme `{scheme}`; use sqlite://data/tandem.db?mode=rwc or postgresql://user:password@host/database"
    )]
    Scheme {
        /// What stands before its first colon.
        scheme: String,
    },
    /// The URL of a file cannot be used.
    #[error("DATABASE_URL is `{url}`: {reason}; use sqlite://data/tandem.db?mode=rwc")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The URL of a server cannot be used. It is not shown: it may hold a password.
    #[error(
        "DATABASE_URL cannot be used: {reason}; use postgresql://user:password@host:5432/database, with characters such as / : @ ? # of the password written as %2F %3A %40 %3F %23"
    )]
    ServerUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not answer, or does not let us in.
    #[error("{database} cannot be used: {reason}; {way_out}")]
    Unreachable {
        /// The server and its database, without a password.
        database: String,
        /// What the server, or the way to it, said.
        reason: String,
        /// What may help.
        way_out: &'static str,
    },
    /// Another process was bringing the schema up to date for too long.
    #[error(
        "the schema of {database} is being brought up to date by another process for longer than {seconds} s; wait for it, or end it"
    )]
    Migrating {
        /// The database.
        database: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The file is not there and the URL does not allow to make it.
    #[error("there is no database {}; put the file there, or add ?mode=rwc to DATABASE_URL to start with an empty one", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The folder of the file could not be made, or not be synced to disk.
    #[error("the folder {} for the database cannot be made or used: {source}; make it, or point DATABASE_URL elsewhere", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The lock file could not be opened.
    #[error("the lock file {} cannot be opened: {source}; the database's folder must be writable for this user", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another process owns the file.
    #[error("the database {} is in use by {} (it holds {}); stop that process, or point DATABASE_URL at another file", path.display(), process(*holder), lock.display())]
    InUse {
        /// The database.
        path: PathBuf,
        /// The lock file.
        lock: PathBuf,
        /// The number of the process, if it could be read.
        holder: Option<u32>,
    },
    /// The file holds something else.
    #[error("{} is not a SQLite database; move it away, restore it from a backup, or point DATABASE_URL at another file", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A folder is in the file's place.
    #[error("DATABASE_URL names {}, which is a folder; name a file in it, such as sqlite://{}/tandem.db?mode=rwc", path.display(), path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// What is stored is damaged.
    #[error(
        "{database} is damaged: {reason}; keep a copy of it, then restore a backup, or save what can still be read (for SQLite: sqlite3 FILE .recover)"
    )]
    Damaged {
        /// The database, without a password.
        database: String,
        /// What the database said.
        reason: String,
    },
    /// Somebody else's table has the name of one that is to be made.
    #[error(
        "{database} has a table `{table}`, and no record that tandem made it; restore seaql_migrations with it if it is tandem's, else point DATABASE_URL at a database of tandem's own"
    )]
    Occupied {
        /// The database, without a password.
        database: String,
        /// The table.
        table: String,
    },
    /// Another program holds SQLite's own lock: it does not know of the lock file.
    #[error("the database {} is locked by another program, such as a SQLite shell; end that program and start again", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be opened or read.
    #[error("the database {} cannot be opened: {reason}; the file and its folder must be readable and writable for this user", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the database said.
        reason: String,
    },
    /// The schema lacks steps and was to be left as it is.
    #[error("the schema of {database} lacks {}; run `tandem migrate`", steps.join(", "))]
    Behind {
        /// The database, without a password.
        database: String,
        /// The steps that it lacks, oldest first.
        steps: Vec<String>,
    },
    /// The schema has steps that this binary does not know, and lacks some that it needs.
    #[error("the schema of {database} has {}, which this version of tandem does not know, and lacks {}; use the version that made it", unknown.join(", "), steps.join(", "))]
    Foreign {
        /// The database, without a password.
        database: String,
        /// The steps that this binary does not know.
        unknown: Vec<String>,
        /// The steps that the schema lacks.
        steps: Vec<String>,
    },
    /// What is stored is of a format that this binary cannot read.
    #[error(
        "what {database} holds is of format {format}, and this version of tandem reads up to {own}; use a version whose `tandem --version` says format {format} or above, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The database, without a password.
        database: String,
        /// The format of what is stored.
        format: u32,
        /// The highest that this binary reads.
        own: u32,
    },
    /// A step failed; it left nothing behind.
    #[error("the schema of {database} cannot be brought up to date: {reason}; nothing of the failed step was kept")]
    Migration {
        /// The database, without a password.
        database: String,
        /// What the database said.
        reason: String,
    },
}

fn process(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |holder| format!("process {holder}"))
}
