//! Which encodings a client accepts.

use warp::http::header::{ACCEPT_ENCODING, HeaderMap};

/// The encodings of ours that a client accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Brotli.
    pub br: bool,
    /// gzip.
    pub gzip: bool,
}

impl Accepted {
    /// Reads `Accept-Encoding`: what is named counts before `*`, and a weight of 0 means no.
    pub fn of(headers: &HeaderMap) -> Self {
        let (mut br, mut gzip, mut any) = (None, None, None);
        let lines = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|line| line.to_str().ok());
        for item in lines.flat_map(|line| line.split(',')) {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            let good = weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0));
            match name.as_str() {
                "br" => br = Some(good),
                "gzip" | "x-gzip" => gzip = Some(good),
                "*" => any = Some(good),
                _ => {}
            }
        }
        let any = any.unwrap_or(false);
        Self { br: br.unwrap_or(any), gzip: gzip.unwrap_or(any) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_stars_are_understood() {
        for (text, br, gzip) in [
            ("", false, false),
            ("identity", false, false),
            ("gzip", false, true),
            ("gzip, deflate, br, zstd", true, true),
            ("br;q=0, gzip;q=0.5", false, true),
            ("BR", true, false),
            ("*", true, true),
            ("*;q=0", false, false),
            ("gzip;q=0, *", true, false),
            ("br;q=x", false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, text.parse().expect("a header"));
            assert_eq!(Accepted::of(&headers), Accepted { br, gzip }, "{text}");
        }
    }
}
