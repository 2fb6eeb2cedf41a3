//! Says whether `JSON.parse` would read a text, without reading it.

use crate::NESTING_MAX;
use crate::refusal::Refusal;

/// Checks that `text` is one JSON value, nested no deeper than [`NESTING_MAX`].
pub(crate) fn check(text: &[u8]) -> Result<(), Refusal> {
    let mut scan = Scan { text, at: 0 };
    scan.space();
    scan.value(0)?;
    scan.space();
    if scan.at == text.len() { Ok(()) } else { Err(Refusal::Json) }
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, Refusal> {
        let byte = self.peek().ok_or(Refusal::Json)?;
        self.at += 1;
        Ok(byte)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), Refusal> {
        match self.next()? {
            b'"' => self.string(),
            b'{' => self.members(b'}', depth, true),
            b'[' => self.members(b']', depth, false),
            b't' => self.word(b"rue"),
            b'f' => self.word(b"alse"),
            b'n' => self.word(b"ull"),
            first @ (b'-' | b'0'..=b'9') => self.number(first),
            _ => Err(Refusal::Json),
        }
    }

    fn members(&mut self, close: u8, depth: usize, keyed: bool) -> Result<(), Refusal> {
        if depth >= NESTING_MAX {
            return Err(Refusal::Nesting);
        }
        self.space();
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.space();
            if keyed {
                self.expect(b'"')?;
                self.string()?;
                self.space();
                self.expect(b':')?;
                self.space();
            }
            self.value(depth + 1)?;
            self.space();
            match self.next()? {
                b',' => {}
                byte if byte == close => return Ok(()),
                _ => return Err(Refusal::Json),
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Refusal> {
        if self.next()? == byte { Ok(()) } else { Err(Refusal::Json) }
    }

    fn word(&mut self, rest: &[u8]) -> Result<(), Refusal> {
        if self.text[self.at..].starts_with(rest) {
            self.at += rest.len();
            Ok(())
        } else {
            Err(Refusal::Json)
        }
    }

    fn string(&mut self) -> Result<(), Refusal> {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                0..=0x1f => return Err(Refusal::Json),
                _ => {}
            }
        }
    }

    /// A `\u` may name half of a surrogate pair: `JSON.parse` does not mind.
    fn escape(&mut self) -> Result<(), Refusal> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    if !self.next()?.is_ascii_hexdigit() {
                        return Err(Refusal::Json);
                    }
                }
                Ok(())
            }
            _ => Err(Refusal::Json),
        }
    }

    fn number(&mut self, first: u8) -> Result<(), Refusal> {
        let lead = if first == b'-' { self.next()? } else { first };
        match lead {
            b'0' => {}
            b'1'..=b'9' => self.skip_digits(),
            _ => return Err(Refusal::Json),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Refusal> {
        if !self.next()?.is_ascii_digit() {
            return Err(Refusal::Json);
        }
        self.skip_digits();
        Ok(())
    }

    fn skip_digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_parse_reads_passes() {
        for text in [
            "null",
            " {\"a\" : [1, -0.5e+3, true, false, \"x\\n\\ud800\"] } ",
            "\"\"",
            "0",
            "1e999",
            "[]",
            "{}",
            "\"\u{2028}\u{1f600}\"",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_json_parse_throws_on_is_refused() {
        for text in [
            "",
            " ",
            "undefined",
            "nul",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "[1,]",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":1,}",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "'a'",
            "1 2",
            "[",
            "\"",
            "NaN",
            "Infinity",
            "\u{feff}1",
            "\u{a0}1",
        ] {
            assert_eq!(check(text.as_bytes()), Err(Refusal::Json), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(nested(NESTING_MAX).as_bytes()), Ok(()));
        assert_eq!(check(nested(NESTING_MAX + 1).as_bytes()), Err(Refusal::Nesting));
    }
}
