//! Compresses the built page and lists it for embedding, and notes the commit that is built.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Brotli's quality: the next one takes a minute in a development build, for 1 %.
const BROTLI_QUALITY: i32 = 9;
const BROTLI_WINDOW: i32 = 22;
const BUFFER_BYTES: usize = 16 * 1024;

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
    let out = PathBuf::from(variable("OUT_DIR"));
    let list: Vec<String> =
        files.iter().enumerate().map(|(at, (name, path))| embedded(name, path, &out.join(at.to_string()))).collect();
    let text = format!("&[\n{}\n]\n", list.join("\n"));
    fs::write(out.join("pages.rs"), text).expect("the build folder can be written to");
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

/// A file with its compressed forms, which are written to files whose names begin as `out` does.
fn embedded(name: &str, path: &str, out: &Path) -> String {
    let content = fs::read(path).expect("the page's files can be read");
    let form = |extension: &str, compressed: Vec<u8>| {
        // What a format compressed already gains nothing.
        if compressed.len() * 20 >= content.len() * 19 {
            return "None".to_owned();
        }
        let form = out.with_extension(extension);
        fs::write(&form, compressed).expect("the build folder can be written to");
        format!("Some(include_bytes!({form:?}).as_slice())")
    };
    let (br, gzip) = (form("br", brotli(&content)), form("gzip", gzip(&content)));
    format!("Built {{ name: {name:?}, content: include_bytes!({path:?}), br: {br}, gzip: {gzip} }},")
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let params =
        brotli::enc::BrotliEncoderParams { quality: BROTLI_QUALITY, lgwin: BROTLI_WINDOW, ..Default::default() };
    let mut writer = brotli::CompressorWriter::with_params(&mut out, BUFFER_BYTES, &params);
    writer.write_all(content).and_then(|()| writer.flush()).expect("memory can be written to");
    drop(writer);
    out
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(content).expect("memory can be written to");
    writer.finish().expect("memory can be written to")
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
