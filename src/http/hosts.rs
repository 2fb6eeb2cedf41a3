//! Which hosts a request may name, and which origins may call: the URL rules, as pure types.
//!
//! Compared as URLs compare: names without case, a default port as none.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The longest host with its port, in bytes: a name of 253, a colon, five digits.
const HOST_BYTES_MAX: usize = 259;

/// A host as a `Host` header names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// The origin of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    secure: bool,
    host: Host,
}

/// The text is no host or origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Which hosts requests may name.
#[derive(Clone, Debug)]
pub struct HostRules {
    /// The names of the configuration.
    pub allowed: Vec<Host>,
    /// Whether names of this machine's loopback are good, at any port.
    pub loopback: bool,
    /// The port that is listened on.
    pub port: u16,
}

impl HostRules {
    /// Whether a request to `host` is meant for this server.
    #[must_use]
    pub fn allow(&self, host: &Host) -> bool {
        let port_fits = |allowed: &Host| match (allowed.port, host.port) {
            (_, None | Some(80 | 443)) if matches!(allowed.port, None | Some(80 | 443)) => true,
            (None, port) => port == Some(self.port),
            (allowed, port) => allowed == port,
        };
        (self.loopback && host.is_loopback())
            || self.allowed.iter().any(|allowed| allowed.name == host.name && port_fits(allowed))
    }
}

impl Host {
    /// Whether it names this machine to itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        if self.name == "localhost" || self.name.ends_with(".localhost") {
            return true;
        }
        let inner = self.name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        match inner {
            Some(inner) => inner.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()),
            None => self.name.parse::<Ipv4Addr>().is_ok_and(|address| IpAddr::V4(address).is_loopback()),
        }
    }
}

impl Origin {
    /// Whether it is the origin of pages that `host` serves, over http or https.
    #[must_use]
    pub fn is_of(&self, host: &Host) -> bool {
        let default = if self.secure { 443 } else { 80 };
        self.host.name == host.name && self.host.port.unwrap_or(default) == host.port.unwrap_or(default)
    }
}

impl FromStr for Host {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() > HOST_BYTES_MAX {
            return Err(Malformed);
        }
        let after_name = if text.starts_with('[') { text.find(']').ok_or(Malformed)? + 1 } else { name_end(text) };
        let (name, rest) = text.split_at(after_name);
        let port = match rest.strip_prefix(':') {
            // An empty port, legal in a URL, fails in `parse`: no client sends one.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| Malformed)?)
            }
            None if rest.is_empty() => None,
            _ => return Err(Malformed),
        };
        Ok(Self { name: checked_name(name)?, port })
    }
}

fn name_end(text: &str) -> usize {
    text.find(':').unwrap_or(text.len())
}

fn checked_name(name: &str) -> Result<String, Malformed> {
    if let Some(inner) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = inner.parse().map_err(|_| Malformed)?;
        return Ok(format!("[{address}]"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(Malformed);
    }
    Ok(name.to_ascii_lowercase())
}

impl FromStr for Origin {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (scheme, host) = text.split_once("://").ok_or(Malformed)?;
        let (secure, default) = match scheme.to_ascii_lowercase().as_str() {
            "https" => (true, 443),
            "http" => (false, 80),
            _ => return Err(Malformed),
        };
        let mut host: Host = host.parse()?;
        host.port = host.port.filter(|port| *port != default);
        Ok(Self { secure, host })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Host {
        text.parse().unwrap_or_else(|_| panic!("{text} is a host"))
    }

    fn origin(text: &str) -> Origin {
        text.parse().unwrap_or_else(|_| panic!("{text} is an origin"))
    }

    #[test]
    fn hosts_compare_without_case_and_with_default_ports_as_none() {
        let allowed = vec![host("Example.org"), host("two.example:8443"), host("three.example:443")];
        let rules = HostRules { allowed, loopback: false, port: 8080 };
        for good in [
            "example.org",
            "EXAMPLE.ORG:80",
            "example.org:443",
            "example.org:8080",
            "two.example:8443",
            "three.example",
            "three.example:443",
        ] {
            assert!(rules.allow(&host(good)), "{good}");
        }
        for bad in [
            "example.org:8081",
            "sub.example.org",
            "two.example",
            "two.example:8080",
            "three.example:8080",
            "localhost",
            "127.0.0.1",
            "example.org.",
        ] {
            assert!(!rules.allow(&host(bad)), "{bad}");
        }
    }

    #[test]
    fn loopback_names_are_good_at_any_port_where_they_are_allowed() {
        let rules = HostRules { allowed: Vec::new(), loopback: true, port: 8080 };
        for good in [
            "localhost",
            "LOCALHOST:1",
            "a.localhost:9",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:8080",
            "[0:0:0:0:0:0:0:1]",
        ] {
            assert!(rules.allow(&host(good)), "{good}");
        }
        for bad in
            ["example.org", "localhost.example.org", "127.0.0.1.example.org", "10.0.0.1", "[::2]", "notlocalhost"]
        {
            assert!(!rules.allow(&host(bad)), "{bad}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for bad in ["", ":80", "a b", "a/b", "user@a", "a:", "a:b", "a:65536", "a:1:2", "[::1", "[x]", "::1", "*", ".a"]
        {
            assert!(bad.parse::<Host>().is_err(), "{bad}");
        }
        assert!("a".repeat(300).parse::<Host>().is_err());
    }

    #[test]
    fn an_origin_is_of_the_host_that_serves_it() {
        for (page, served, expected) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", true),
            ("HTTP://LocalHost:8080", "localhost:8080", true),
            ("https://example.org", "example.org", true),
            ("https://example.org:443", "example.org", true),
            ("https://example.org", "example.org:443", true),
            ("http://example.org", "example.org:80", true),
            ("http://example.org", "example.org:443", false),
            ("https://example.org:8443", "example.org", false),
            ("http://127.0.0.1:8081", "127.0.0.1:8080", false),
            ("https://example.org.evil.example", "example.org", false),
        ] {
            assert_eq!(origin(page).is_of(&host(served)), expected, "{page} of {served}");
        }
        for bad in ["null", "", "example.org", "ftp://example.org", "https://a/b", "https://*", "file://"] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
        assert_eq!(origin("https://A.example:443"), origin("HTTPS://a.example"));
        assert_ne!(origin("https://a.example"), origin("http://a.example"));
    }
}
