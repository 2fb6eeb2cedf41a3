//! The embedded page.

use std::io::Read;

use crate::support::{Answer, Request, Server};

/// A script of the page.
fn asset(server: &Server) -> String {
    let page = server.get("/").text();
    let start = page.find("assets/").expect("the page loads an asset");
    let end = page[start..].find('"').expect("in quotes") + start;
    format!("/{}", &page[start..end])
}

fn compressed(server: &Server, path: &str, encoding: &str) -> Answer {
    let answer = server.send(&Request::new("GET", path).with("Accept-Encoding", encoding));
    assert_eq!(answer.header("content-encoding"), encoding, "{path}");
    answer
}

#[test]
fn the_page_is_asked_for_anew_and_its_assets_are_kept() {
    let server = Server::start();
    for target in ["/", "/?doc=notes"] {
        let page = server.get(target);
        assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
        assert_eq!(page.header("cache-control"), "no-cache");
    }
    let asset = server.get(&asset(&server));
    assert_eq!(asset.status, 200);
    assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    let gone = server.get("/assets/index-00000000.js");
    gone.assert_problem(404, "not-found");
    assert_eq!(gone.header("cache-control"), "no-store");
    for target in ["/assets", "/assets/", "/assets/../index.html", "/assets/%2e%2e/index.html", "//", "/some/page"] {
        let answer = server.get(target);
        assert_eq!(answer.status, 404, "{target}");
        assert!(!answer.text().contains("<html"), "{target}");
    }
}

#[test]
fn what_a_browser_has_is_not_sent_again() {
    let server = Server::start();
    for path in ["/".to_owned(), asset(&server)] {
        let first = server.get(&path);
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        let again = server.send(&Request::new("GET", &path).with("If-None-Match", &tag));
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(again.header("etag"), tag);
        assert_eq!(again.header("content-security-policy"), first.header("content-security-policy"));
        let other = server.send(&Request::new("GET", &path).with("If-None-Match", "\"other\""));
        assert_eq!((other.status, other.body), (200, first.body), "{path}");
    }
}

#[test]
fn head_says_the_same_without_a_body() {
    let server = Server::start();
    for path in ["/".to_owned(), asset(&server), "/health/live".into(), "/nothing".into()] {
        let get = server.get(&path);
        let head = server.send(&Request::new("HEAD", &path));
        assert_eq!((head.status, head.body.len()), (get.status, 0), "{path}");
        for name in ["content-length", "content-type", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
}

#[test]
fn assets_are_compressed_as_the_browser_wishes() {
    let server = Server::start();
    let path = asset(&server);
    let plain = server.get(&path);
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.header("vary"), "accept-encoding");
    let gzip = compressed(&server, &path, "gzip");
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut text).expect("gzip");
    assert!(text == plain.body, "gzip holds the same content");
    let br = compressed(&server, &path, "br");
    let mut text = Vec::new();
    brotli::Decompressor::new(&br.body[..], 4096).read_to_end(&mut text).expect("brotli");
    assert!(text == plain.body, "brotli holds the same content");
    let both = server.send(&Request::new("GET", &path).with("Accept-Encoding", "gzip, deflate, br"));
    assert_eq!(both.header("content-encoding"), "br");
    let tags = [plain.header("etag"), gzip.header("etag"), br.header("etag")];
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
    let wrong = Request::new("GET", &path).with("Accept-Encoding", "br").with("If-None-Match", tags[1]);
    assert_eq!(server.send(&wrong).status, 200, "another variant is another thing");
}

#[test]
fn everything_works_below_a_base_path() {
    let server = Server::with(&[("TANDEM__SERVER__BASE_PATH", "/docs/live/")]);
    assert_eq!(server.get("/docs/live/").header("content-type"), "text/html; charset=utf-8");
    assert_eq!(server.get("/docs/live/health").status, 200);
    let short = server.get("/docs/live?doc=a");
    assert_eq!((short.status, short.header("location")), (308, "/docs/live/?doc=a"));
    for outside in ["/", "/health", "/docs", "/docs/liver/", "/docs/livehealth"] {
        server.get(outside).assert_problem(404, "not-found");
    }
    server.socket(Request::upgrade("/docs/live/yjs/a")).expect("upgraded");
    assert_eq!(server.socket(Request::upgrade("/yjs/a")).expect_err("outside").status, 404);
}
