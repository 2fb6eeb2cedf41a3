//! A wrong key or value is refused at the start, with its name, its place and what is allowed.

use std::fs;

use crate::support::{SECRET, Server, run, run_in};

#[test]
fn a_wrong_key_in_a_file_is_named_with_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("config")).expect("made");
    for (file, content, parts) in [
        ("config/base.toml", "[server]\nlisten = \"127.0.0.1:0\"\nlisen = 1\n", &["server.lisen", "listen"][..]),
        ("config/development.toml", "[sever]\n", &["sever", "server, auth, store, limits, log"]),
        (
            "config/development.toml",
            "[limits]\nowed_edits = \"many\"\n",
            &["limits.owed_edits", "many", "whole number"],
        ),
        ("config/development.toml", "[limits]\nowed_edits = 0\n", &["limits.owed_edits", "1 to"]),
        ("config/development.toml", "[log]\nformat = \"xml\"\n", &["log.format", "xml", "text, json"]),
        ("config/development.toml", "[server\n", &[]),
    ] {
        let path = folder.path().join(file);
        fs::write(&path, content).expect("written");
        let refused = run_in(folder.path(), &["serve"], &[]);
        fs::remove_file(&path).expect("removed");
        assert_eq!(refused.code, 78, "{file}: {content}: {}", refused.stderr);
        for part in parts.iter().chain([&file]) {
            assert!(refused.stderr.contains(part), "{part:?} is not in {:?}", refused.stderr);
        }
    }
}

#[test]
fn a_file_that_is_named_must_be_there_and_stands_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = run_in(folder.path(), &["--config", "gone.toml", "check"], &[]);
    assert_eq!(missing.code, 78);
    assert!(missing.stderr.contains("gone.toml"), "{}", missing.stderr);
    fs::create_dir(folder.path().join("config")).expect("made");
    fs::write(folder.path().join("config/base.toml"), "[nonsense]\n").expect("written");
    fs::write(folder.path().join("own.toml"), "[log]\nlevel = \"warn\"\n").expect("written");
    let good = run_in(folder.path(), &["check", "--config", "own.toml"], &[]);
    assert_eq!(good.code, 0, "{}", good.stderr);
    assert!(good.stdout.contains("own.toml"), "{}", good.stdout);
}

#[test]
fn a_wrong_variable_is_named_and_a_password_is_not_shown() {
    for (name, value, parts) in [
        ("TANDEM_ENV", "staging", &["TANDEM_ENV", "development, production"][..]),
        ("TANDEM__SERVER__LISTEN", "everywhere", &["server.listen", "127.0.0.1:8080"]),
        ("LOG_LEVEL", "loud", &["log.level", "LOG_LEVEL", "debug"]),
        (
            "DATABASE_URL",
            "mysql://u:hunter2@db/x",
            &["store.database_url", "DATABASE_URL", "sqlite://", "postgresql://"],
        ),
        ("JWT_SECRET_KEY", "hunter2", &["JWT_SECRET_KEY", "32 bytes"]),
        ("JWT_SECRET_KEY_FILE", "/nonexistent/key", &["/nonexistent/key", "JWT_SECRET_KEY_FILE"]),
    ] {
        let refused = run(&["check"], &[(name, value)]);
        assert_eq!(refused.code, 78, "{name}={value}: {}", refused.stderr);
        for part in parts {
            assert!(refused.stderr.contains(part), "{part:?} is not in {:?}", refused.stderr);
        }
        assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    }
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let refused = run(&["check"], &[("DATABASE_URL", "postgres://u:hunter2@127.0.0.1:9/x")]);
    assert_eq!(refused.code, 69, "{}", refused.stderr);
    assert!(refused.stderr.contains("postgresql://u@127.0.0.1:9/x"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
}

#[test]
fn all_that_is_out_of_range_is_said_at_once() {
    let refused = run(&["check"], &[("TANDEM__SERVER__DRAIN_SECONDS", "0"), ("TANDEM__LIMITS__PING_SECONDS", "0")]);
    assert_eq!(refused.code, 78);
    assert!(refused.stderr.contains("server.drain_seconds") && refused.stderr.contains("limits.ping_seconds"));
}

#[test]
fn production_does_not_start_without_a_secret_and_leaves_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = run_in(folder.path(), &["serve"], &[("TANDEM_ENV", "production")]);
    assert_eq!(refused.code, 78);
    assert!(refused.stderr.contains("JWT_SECRET_KEY"), "{}", refused.stderr);
    assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 0);
}

#[test]
fn production_serves_with_a_secret_from_a_file_and_logs_json() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("key"), format!("{SECRET}\n")).expect("written");
    let variables = [("TANDEM_ENV", "production"), ("JWT_SECRET_KEY", ""), ("JWT_SECRET_KEY_FILE", "key")];
    let mut server = Server::within(folder, &variables);
    let made = server.send(&crate::support::Request::new("POST", "/api/v1/auth/guest").json("{\"name\":\"Ann\"}"));
    made.assert_problem(403, "guests-off");
    server.signal("TERM");
    let (status, log) = server.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    }
}

#[test]
fn development_keeps_the_secret_that_it_made() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let mint = || run_in(folder.path(), &["token", "--sub", "ann"], &[]);
    assert_eq!(mint().code, 0);
    let path = folder.path().join("data/secret");
    let first = fs::read(&path).expect("made");
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(mint().code, 0);
    assert_eq!(fs::read(&path).expect("kept"), first);
}
