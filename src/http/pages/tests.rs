use std::io::Read;

use super::super::cors::Caller;
use super::{Accepted, Context, File, HeaderMap, HeaderValue, Pages, Problem, Response};

static TEXT: &[u8] = &[b'a'; 4000];

static BUILT: &[(&str, &[u8])] =
    &[("index.html", b"<!doctype html><title>t</title>"), ("assets/a-1.js", TEXT), ("favicon.svg", b"<svg/>")];

fn pages() -> Pages {
    Pages::of(BUILT)
}

fn get(pages: &Pages, path: &str, headers: &[(&'static str, &str)]) -> Result<Response, Problem> {
    let mut request = HeaderMap::new();
    for (name, value) in headers {
        request.insert(*name, value.parse().expect("a header"));
    }
    let host = "example.org".parse().expect("a host");
    let context = Context { host, caller: Caller::Unnamed, client: [127, 0, 0, 1].into() };
    pages.answer(path, &request, &context)
}

#[test]
fn each_encoding_has_its_own_tag_and_is_not_sent_again() {
    let pages = pages();
    pages.compress();
    let mut tags = std::collections::HashSet::new();
    for (accepts, encoding) in [("br, gzip", Some("br")), ("gzip", Some("gzip")), ("identity", None)] {
        let answer = get(&pages, "/assets/a-1.js", &[("accept-encoding", accepts)]).expect("found");
        assert_eq!(answer.headers().get("content-encoding").map(HeaderValue::as_bytes), encoding.map(str::as_bytes));
        let tag = answer.headers()["etag"].to_str().expect("text").to_owned();
        assert!(tags.insert(tag.clone()), "{tag} is used twice");
        for named in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".into()] {
            let again = get(&pages, "/assets/a-1.js", &[("accept-encoding", accepts), ("if-none-match", &named)]);
            assert_eq!(again.expect("found").status(), 304, "{named}");
        }
        let other = get(&pages, "/assets/a-1.js", &[("accept-encoding", accepts), ("if-none-match", "\"x\"")]);
        assert_eq!(other.expect("found").status(), 200);
    }
}

#[test]
fn compressed_forms_hold_the_same_content() {
    let variants = File::new("a.js", TEXT).variants();
    let gzip = variants.best(Accepted { br: false, gzip: true }).expect("smaller").content().clone();
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut plain).expect("gzip");
    assert_eq!(plain, TEXT);
    let br = variants.best(Accepted { br: true, gzip: true }).expect("smaller").content().clone();
    let mut plain = Vec::new();
    brotli::Decompressor::new(&br[..], 4096).read_to_end(&mut plain).expect("brotli");
    assert_eq!(plain, TEXT);
}

#[test]
fn what_is_not_smaller_compressed_stays_plain() {
    let pages = pages();
    pages.compress();
    let answer = get(&pages, "/favicon.svg", &[("accept-encoding", "br, gzip")]).expect("found");
    assert!(!answer.headers().contains_key("content-encoding"));
}

#[test]
fn only_the_root_is_a_page() {
    let pages = pages();
    let page = get(&pages, "/", &[]).expect("found");
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("wss://example.org") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-cache");
    for path in ["/index.html", "/assets/gone-2.js", "/assets", "/a"] {
        assert!(get(&pages, path, &[]).is_err(), "{path}");
    }
}
