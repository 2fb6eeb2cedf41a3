//! Seeds as text: a line of hexadecimal digits each, `#` begins a remark.

/// Reads the seeds of a file.
///
/// # Errors
/// The first line that is no hexadecimal number of whole bytes.
pub fn parse(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(|line| unhex(line).ok_or_else(|| line.to_owned())).collect()
}

fn unhex(line: &str) -> Option<Vec<u8>> {
    let digits = |at| line.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..line.len()).step_by(2).map(digits).collect()
}

/// Writes bytes as a line of the corpus.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = format!("# a remark\n{}\n\n00ff # two bytes\n", hex(&[1, 0xab]));
        assert_eq!(parse(&text), Ok(vec![vec![1, 0xab], vec![0, 0xff]]));
        assert!(parse("0").is_err() && parse("zz").is_err());
    }
}
