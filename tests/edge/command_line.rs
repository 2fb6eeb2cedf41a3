//! The commands, and their exit codes.

use crate::support::{Server, run, run_in};

#[test]
fn the_version_says_commit_and_store_format() {
    let version = run(&["--version"], &[]);
    assert_eq!(version.code, 0);
    let expected = format!("tandem {} (commit ", env!("CARGO_PKG_VERSION"));
    assert!(version.stdout.starts_with(&expected) && version.stdout.contains("store format 3"), "{}", version.stdout);
}

#[test]
fn every_help_has_an_example() {
    for command in [
        &["--help"][..],
        &["serve", "--help"],
        &["migrate", "--help"],
        &["check", "--help"],
        &["token", "--help"],
        &["completions", "--help"],
    ] {
        let help = run(command, &[]);
        assert_eq!(help.code, 0, "{command:?}");
        assert!(help.stdout.contains("Example"), "{command:?}: {}", help.stdout);
    }
}

#[test]
fn what_is_not_understood_ends_with_64() {
    for arguments in [
        &["fly"][..],
        &["--nonsense"],
        &["token"],
        &["token", "--sub", "a", "--right", "king"],
        &["token", "--sub", "a", "--room", "x"],
        &["token", "--sub", ""],
        &["token", "--sub", "a", "--expires", "soon"],
        &["completions", "tcl"],
    ] {
        let refused = run(arguments, &[]);
        assert_eq!(refused.code, 64, "{arguments:?}: {}", refused.stderr);
        assert!(!refused.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn completions_know_the_commands() {
    for (shell, option) in [("bash", "--sub"), ("zsh", "--sub"), ("fish", "-l sub")] {
        let script = run(&["completions", shell], &[]);
        assert_eq!(script.code, 0);
        assert!(script.stdout.contains("migrate") && script.stdout.contains(option), "{shell}");
    }
}

#[test]
fn check_and_migrate_say_what_is_pending() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = run_in(folder.path(), &["check"], &[]);
    assert_eq!(before.code, 0, "{}", before.stderr);
    assert!(before.stdout.contains("pending, `tandem serve`"), "{}", before.stdout);
    assert!(!folder.path().join("data").exists(), "check changes nothing");
    let migrated = run_in(folder.path(), &["migrate"], &[]);
    assert_eq!(migrated.code, 0, "{}", migrated.stderr);
    assert!(migrated.stdout.contains("applied m2"), "{}", migrated.stdout);
    assert!(run_in(folder.path(), &["check"], &[]).stdout.contains("none pending"));
    assert!(run_in(folder.path(), &["migrate"], &[]).stdout.contains("up to date"));
}

#[test]
fn a_database_that_is_not_there_or_in_use_ends_with_69() {
    let missing = run(&["check"], &[("DATABASE_URL", "sqlite://gone.db")]);
    assert_eq!(missing.code, 69, "{}", missing.stderr);
    assert!(missing.stderr.contains("gone.db"));
    let server = Server::start();
    let variables = [("TANDEM__SERVER__LISTEN", "127.0.0.1:0")];
    let second = run_in(server.folder.path(), &["serve"], &variables);
    assert_eq!(second.code, 69, "{}", second.stderr);
    assert!(second.stderr.contains("in use"), "{}", second.stderr);
    let checked = run_in(server.folder.path(), &["check"], &[]);
    assert_eq!(checked.code, 0, "check works beside a server: {}", checked.stderr);
}

#[test]
fn an_address_that_is_taken_ends_with_69() {
    let server = Server::start();
    let address = server.address.to_string();
    let second = run(&["serve"], &[("TANDEM__SERVER__LISTEN", &address)]);
    assert_eq!(second.code, 69, "{}", second.stderr);
    assert!(second.stderr.contains(&address) && second.stderr.contains("server.listen"), "{}", second.stderr);
}
