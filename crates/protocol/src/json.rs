//! Checks that a text is JSON, as `JSON.parse` sees it, without building anything.
//!
//! No recursion and no allocation: the open brackets are bits of one word. Lone surrogates as escapes are legal here
//! as they are in JavaScript.

/// The deepest nesting that can be asked for: one bit a level.
pub(crate) const DEPTH_MAX: usize = 64;

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is no JSON.
    Invalid,
    /// Its brackets nest deeper than allowed.
    TooDeep,
}

/// Checks that `text` is one JSON value whose brackets nest at most `depth` deep (at most [`DEPTH_MAX`]).
///
/// A scalar has depth 0, `{}` and `[]` have depth 1. A text that is both too deep and broken behind that is too deep.
pub(crate) fn check(text: &str, depth: usize) -> Result<(), Fault> {
    let mut scanner = Scanner { rest: text.as_bytes(), open: Open::new(depth.min(DEPTH_MAX)) };
    scanner.skip_space();
    loop {
        if scanner.enter_value()? {
            continue;
        }
        if scanner.leave_value()? {
            return if scanner.rest.is_empty() { Ok(()) } else { Err(Fault::Invalid) };
        }
    }
}

/// The brackets that are open: bit 0 is the innermost, 1 says object and 0 array.
struct Open {
    objects: u64,
    depth: usize,
    max: usize,
}

impl Open {
    fn new(max: usize) -> Self {
        Self { objects: 0, depth: 0, max }
    }

    fn push(&mut self, object: bool) -> Result<(), Fault> {
        if self.depth == self.max {
            return Err(Fault::TooDeep);
        }
        self.depth += 1;
        self.objects = (self.objects << 1) | u64::from(object);
        Ok(())
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.objects >>= 1;
    }

    fn in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

struct Scanner<'a> {
    rest: &'a [u8],
    open: Open,
}

impl Scanner<'_> {
    /// Reads what begins a value. Answers whether another value must begin now: a bracket was opened that is not empty.
    fn enter_value(&mut self) -> Result<bool, Fault> {
        match self.next()? {
            b'{' => {
                self.open.push(true)?;
                self.skip_space();
                if self.take(b'}') {
                    self.open.pop();
                    return Ok(false);
                }
                self.key()?;
                Ok(true)
            }
            b'[' => {
                self.open.push(false)?;
                self.skip_space();
                if self.take(b']') {
                    self.open.pop();
                    return Ok(false);
                }
                Ok(true)
            }
            b'"' => self.string().map(|()| false),
            b't' => self.word(b"rue"),
            b'f' => self.word(b"alse"),
            b'n' => self.word(b"ull"),
            b'-' => {
                let digit = self.next()?;
                self.number(digit)
            }
            digit => self.number(digit),
        }
    }

    /// Reads what follows a value. Answers whether that was the outermost; otherwise another value begins now.
    fn leave_value(&mut self) -> Result<bool, Fault> {
        loop {
            self.skip_space();
            if self.open.depth == 0 {
                return Ok(true);
            }
            let object = self.open.in_object();
            match self.next()? {
                b',' if object => {
                    self.skip_space();
                    self.key()?;
                    return Ok(false);
                }
                b',' => {
                    self.skip_space();
                    return Ok(false);
                }
                b'}' if object => self.open.pop(),
                b']' if !object => self.open.pop(),
                _ => return Err(Fault::Invalid),
            }
        }
    }

    /// Reads `"key" :` and the space behind it.
    fn key(&mut self) -> Result<(), Fault> {
        self.expect(b'"')?;
        self.string()?;
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        Ok(())
    }

    /// Reads a string behind its opening quote.
    fn string(&mut self) -> Result<(), Fault> {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                0..=0x1f => return Err(Fault::Invalid),
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => (0..4).try_for_each(|_| match self.next()?.is_ascii_hexdigit() {
                true => Ok(()),
                false => Err(Fault::Invalid),
            }),
            _ => Err(Fault::Invalid),
        }
    }

    /// Reads a number from its first digit on.
    fn number(&mut self, first: u8) -> Result<bool, Fault> {
        match first {
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return Err(Fault::Invalid),
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(false)
    }

    fn digits(&mut self) -> Result<(), Fault> {
        if !self.next()?.is_ascii_digit() {
            return Err(Fault::Invalid);
        }
        self.skip_digits();
        Ok(())
    }

    fn word(&mut self, tail: &[u8]) -> Result<bool, Fault> {
        self.rest = self.rest.strip_prefix(tail).ok_or(Fault::Invalid)?;
        Ok(false)
    }

    fn skip_digits(&mut self) {
        while self.rest.first().is_some_and(u8::is_ascii_digit) {
            self.rest = &self.rest[1..];
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.rest.first(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.rest = &self.rest[1..];
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err(Fault::Invalid) }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.rest.first() == Some(&byte);
        if there {
            self.rest = &self.rest[1..];
        }
        there
    }

    fn next(&mut self) -> Result<u8, Fault> {
        let (&byte, rest) = self.rest.split_first().ok_or(Fault::Invalid)?;
        self.rest = rest;
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_parse_takes_is_taken() {
        for text in [
            "null",
            "true",
            "false",
            "0",
            "-0",
            "1.5",
            "-1e9",
            "1E+2",
            "1e-2",
            "\"\"",
            "\"a\\u00e9\\n\\\"\"",
            "{}",
            "[]",
            " { } ",
            "\t[ 1 , \"a\" , { \"b\" : [ ] } ]\r\n",
            "{\"a\":1,\"b\":{\"c\":[1,2,[]]}}",
            "\"\\ud800\"",
            "\"é😀\"",
        ] {
            assert_eq!(check(text, 8), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_json_parse_refuses_is_refused() {
        for text in [
            "",
            " ",
            "nul",
            "nulls",
            "undefined",
            "01",
            "1.",
            ".5",
            "-",
            "+1",
            "1e",
            "1e+",
            "--1",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\u{1}\"",
            "{",
            "}",
            "[",
            "]",
            "[1,]",
            "[,1]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "[1}",
            "{\"a\":1]",
            "1 2",
            "{} {}",
            "[1 2]",
            "{\"a\" 1}",
            "'a'",
            "NaN",
            "\u{a0}1",
            "\u{feff}{}",
        ] {
            assert_eq!(check(text, 8), Err(Fault::Invalid), "{text}");
        }
    }

    #[test]
    fn brackets_nest_as_deep_as_allowed_and_no_deeper() {
        for depth in [0, 1, 8, DEPTH_MAX] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let nested = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
                assert_eq!(check(&nested(depth), depth), Ok(()));
                assert_eq!(check(&nested(depth + 1), depth), Err(Fault::TooDeep));
            }
        }
        assert_eq!(check(&"[".repeat(1_000_000), usize::MAX), Err(Fault::TooDeep));
    }

    #[test]
    fn brackets_that_were_closed_do_not_count() {
        assert_eq!(check(&format!("[{}{{}}]", "{},".repeat(1000)), 2), Ok(()));
    }

    #[test]
    fn agrees_with_a_full_parser_on_seeded_texts() {
        // Tokens at random: most are broken, some are not, and both parsers must say which.
        let tokens = ["{", "}", "[", "]", ",", ":", "\"a\"", "\"\\u0041\"", "1", "-1.5e-3", "null", "true", " ", "0"];
        let (mut seed, mut valid) = (7_u64, 0);
        for _ in 0..300_000 {
            let mut text = String::new();
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut bits = seed >> 8;
            for _ in 0..=(seed >> 61) {
                text.push_str(tokens[usize::try_from(bits % 14).expect("below 14")]);
                bits /= 14;
            }
            let reference = serde_json::from_str::<serde_json::Value>(&text).is_ok();
            assert_eq!(check(&text, DEPTH_MAX).is_ok(), reference, "{text}");
            valid += usize::from(reference);
        }
        assert!(valid > 1000, "only {valid} of the texts were JSON");
    }
}
