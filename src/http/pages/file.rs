//! One file of the page, plain and compressed.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use warp::http::StatusCode;
use warp::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY,
};

use super::encoding::Accepted;
use super::header;
use crate::http::Response;

/// A file as the build script embeds it, with the compressed forms that are smaller than itself.
pub struct Built {
    /// Its path within the page.
    pub name: &'static str,
    /// Itself.
    pub content: &'static [u8],
    /// Compressed by Brotli.
    pub br: Option<&'static [u8]>,
    /// Compressed by gzip.
    pub gzip: Option<&'static [u8]>,
}

/// A file as it is served.
pub struct File {
    plain: Variant,
    br: Option<Variant>,
    gzip: Option<Variant>,
    mime: &'static str,
    immutable: bool,
}

/// A file in one encoding.
pub struct Variant {
    content: Bytes,
    tag: HeaderValue,
    encoding: Option<&'static str>,
}

impl File {
    /// Takes a file.
    pub fn new(built: &Built) -> Self {
        let hash: String = Sha256::digest(built.content).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let variant = |content, suffix: &str, encoding| {
            let tag = header(&format!("\"{hash}{suffix}\""));
            Variant { content: Bytes::from_static(content), tag, encoding }
        };
        Self {
            plain: variant(built.content, "", None),
            br: built.br.map(|content| variant(content, "-br", Some("br"))),
            gzip: built.gzip.map(|content| variant(content, "-gzip", Some("gzip"))),
            mime: mime_of(built.name),
            // Names below assets/ carry their content's hash.
            immutable: built.name.starts_with("assets/"),
        }
    }

    /// Whether it is HTML.
    pub fn is_page(&self) -> bool {
        self.mime.starts_with("text/html")
    }

    /// The smallest form that is accepted.
    pub fn best(&self, accepted: Accepted) -> &Variant {
        let br = self.br.as_ref().filter(|_| accepted.br);
        br.or(self.gzip.as_ref().filter(|_| accepted.gzip)).unwrap_or(&self.plain)
    }

    /// Says what it is and how long it may be kept.
    pub fn describe(&self, headers: &mut HeaderMap) {
        let kept = if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.mime));
        headers.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
    }
}

impl Variant {
    /// The answer with its content.
    pub fn whole(&self) -> Response {
        let mut response = Response::new(self.content.clone().into());
        self.tell(response.headers_mut());
        response
    }

    /// The answer to who has it already.
    pub fn not_modified(&self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        self.tell(response.headers_mut());
        response
    }

    /// Whether an `If-None-Match` names it.
    pub fn is_among(&self, tags: &HeaderValue) -> bool {
        let own = self.tag.to_str().unwrap_or_default();
        let tags = tags.to_str().unwrap_or_default().split(',').map(str::trim);
        tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag)).any(|tag| tag == "*" || tag == own)
    }

    fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(ETAG, self.tag.clone());
        if let Some(encoding) = self.encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
}

fn mime_of(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "webmanifest" => "application/json",
        "md" | "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
