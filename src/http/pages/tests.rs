use std::io::Read;

use super::super::cors::Caller;
use super::{BUILT as EMBEDDED, Built, Context, HeaderMap, HeaderValue, Pages, Problem, Response};

static BUILT: &[Built] = &[
    Built { name: "index.html", content: b"<!doctype html><title>t</title>", br: None, gzip: None },
    Built { name: "assets/a-1.js", content: b"aaaaaaaa", br: Some(b"8a"), gzip: Some(b"8 a") },
    Built { name: "favicon.svg", content: b"<svg/>", br: None, gzip: None },
];

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
    let mut forms = 0;
    for Built { name, content, br, gzip } in EMBEDDED {
        let mut plain = Vec::new();
        if let Some(gzip) = gzip {
            flate2::read::GzDecoder::new(*gzip).read_to_end(&mut plain).expect("gzip");
            assert_eq!(plain, *content, "{name}");
            forms += 1;
        }
        plain.clear();
        if let Some(br) = br {
            brotli::Decompressor::new(*br, 4096).read_to_end(&mut plain).expect("brotli");
            assert_eq!(plain, *content, "{name}");
            forms += 1;
        }
    }
    assert!(forms >= 4, "the page's scripts and styles are compressed: {forms}");
}

#[test]
fn what_is_not_smaller_compressed_stays_plain() {
    let answer = get(&pages(), "/favicon.svg", &[("accept-encoding", "br, gzip")]).expect("found");
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
