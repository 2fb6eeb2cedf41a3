//! Lists the built page for embedding, and notes the commit that is built.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let page = env::var_os("TANDEM_WEB_DIST").map_or_else(|| root.join("web/dist"), PathBuf::from);
    println!("cargo::rerun-if-env-changed=TANDEM_WEB_DIST");
    println!("cargo::rerun-if-changed={}", page.display());
    if !page.join("index.html").is_file() {
        println!("cargo::error=the built page is missing: {} holds no index.html", page.display());
        println!("cargo::error=it is committed; `git checkout -- web/dist` brings it back, `make web` builds it anew");
        return;
    }
    let mut files = Vec::new();
    collect(&page, &page, &mut files);
    files.sort();
    let list: Vec<String> = files.iter().map(|(name, path)| format!("({name:?}, include_bytes!({path:?})),")).collect();
    let text = format!("&[\n{}\n]\n", list.join("\n"));
    let out = PathBuf::from(variable("OUT_DIR")).join("pages.rs");
    fs::write(&out, text).expect("the build folder can be written to");
    println!("cargo::rustc-env=TANDEM_COMMIT={}", commit(&root));
}

/// Lists the files below `folder` as (path within the page, path on this machine).
fn collect(page: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("the page's folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(page, &path, files);
        } else if let (Ok(name), Some(source)) = (path.strip_prefix(page), path.to_str()) {
            files.push((name.to_string_lossy().replace('\\', "/"), source.to_owned()));
        }
    }
}

/// The commit, from the environment of a build without git, else from git; known in release builds only, since a
/// development build would be linked again after each commit.
fn commit(root: &Path) -> String {
    println!("cargo::rerun-if-env-changed=TANDEM_COMMIT");
    if let Ok(given) = env::var("TANDEM_COMMIT")
        && !given.is_empty()
    {
        return given;
    }
    if variable("PROFILE") != "release" {
        return "development".into();
    }
    let head = root.join(".git/logs/HEAD");
    if head.exists() {
        println!("cargo::rerun-if-changed={}", head.display());
    }
    let answer = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).current_dir(root).output();
    match answer {
        Ok(answer) if answer.status.success() => String::from_utf8_lossy(&answer.stdout).trim().to_owned(),
        _ => "unknown".into(),
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
