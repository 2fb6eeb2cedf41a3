//! One file of the page, plain and compressed.

use std::io::Write;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use warp::http::StatusCode;
use warp::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY,
};

use super::encoding::Accepted;
use super::header;
use crate::http::Response;

/// Brotli's quality: 9 would take six times as long for 3 %.
const BROTLI_QUALITY: i32 = 5;
const BROTLI_WINDOW: i32 = 22;
const BUFFER_BYTES: usize = 16 * 1024;

/// A file as it was built.
pub struct File {
    plain: Variant,
    kind: Kind,
    immutable: bool,
}

/// The compressed forms of a file that are smaller than itself.
pub struct Variants {
    br: Option<Variant>,
    gzip: Option<Variant>,
}

/// A file in one encoding.
pub struct Variant {
    content: Bytes,
    tag: HeaderValue,
    encoding: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    mime: &'static str,
    compressible: bool,
}

impl File {
    /// Takes a file by its path within the page.
    pub fn new(name: &str, content: &'static [u8]) -> Self {
        let hash: String = Sha256::digest(content).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let plain =
            Variant { content: Bytes::from_static(content), tag: header(&format!("\"{hash}\"")), encoding: None };
        // Names below assets/ carry their content's hash.
        Self { plain, kind: Kind::of(name), immutable: name.starts_with("assets/") }
    }

    /// Itself.
    pub fn plain(&self) -> &Variant {
        &self.plain
    }

    /// Whether it is HTML.
    pub fn is_page(&self) -> bool {
        self.kind.mime.starts_with("text/html")
    }

    /// Its compressed forms.
    pub fn variants(&self) -> Variants {
        let smaller = |name, content: Option<Vec<u8>>| {
            let content = content.filter(|content| content.len() < self.plain.content.len())?;
            let tag = self.plain.tag.to_str().unwrap_or_default().trim_matches('"').to_owned();
            Some(Variant { content: content.into(), tag: header(&format!("\"{tag}-{name}\"")), encoding: Some(name) })
        };
        if !self.kind.compressible {
            return Variants { br: None, gzip: None };
        }
        Variants { br: smaller("br", brotli(&self.plain.content)), gzip: smaller("gzip", gzip(&self.plain.content)) }
    }

    /// Says what it is and how long it may be kept.
    pub fn describe(&self, headers: &mut HeaderMap) {
        let kept = if self.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind.mime));
        headers.insert(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
    }
}

impl Variants {
    /// The smallest form that is accepted.
    pub fn best(&self, accepted: Accepted) -> Option<&Variant> {
        let br = self.br.as_ref().filter(|_| accepted.br);
        br.or(self.gzip.as_ref().filter(|_| accepted.gzip))
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

    /// What is sent.
    #[cfg(test)]
    pub fn content(&self) -> &Bytes {
        &self.content
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

impl Kind {
    fn of(name: &str) -> Self {
        let (mime, compressible) = match name.rsplit('.').next().unwrap_or_default() {
            "html" => ("text/html; charset=utf-8", true),
            "js" | "mjs" => ("text/javascript; charset=utf-8", true),
            "css" => ("text/css; charset=utf-8", true),
            "svg" => ("image/svg+xml", true),
            "json" | "webmanifest" => ("application/json", true),
            "md" | "txt" => ("text/plain; charset=utf-8", true),
            "png" => ("image/png", false),
            "ico" => ("image/x-icon", false),
            "woff2" => ("font/woff2", false),
            _ => ("application/octet-stream", false),
        };
        Self { mime, compressible }
    }
}

fn brotli(content: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let params =
        brotli::enc::BrotliEncoderParams { quality: BROTLI_QUALITY, lgwin: BROTLI_WINDOW, ..Default::default() };
    let mut writer = brotli::CompressorWriter::with_params(&mut out, BUFFER_BYTES, &params);
    writer.write_all(content).and_then(|()| writer.flush()).ok()?;
    drop(writer);
    Some(out)
}

fn gzip(content: &[u8]) -> Option<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(content).ok()?;
    writer.finish().ok()
}
