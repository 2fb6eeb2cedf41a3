use jsonwebtoken::Header;
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: u64 = 1_800_000_000;

fn tokens(issuer: Option<&str>, audience: Option<&str>) -> Tokens {
    let rules = TokenRules {
        default_right: Some(Right::Editor),
        issuer: issuer.map(Into::into),
        audience: audience.map(Into::into),
        leeway: Duration::from_secs(5),
    };
    Tokens::new(&SECRET.into(), rules)
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn signed(header: &Header, claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).expect("it signs")
}

fn plain(claims: &Value) -> String {
    signed(&Header::new(Algorithm::HS256), claims, SECRET)
}

fn verdict(tokens: &Tokens, token: &str) -> Result<Right, Denied> {
    let document = DocumentName::new("notes").expect("a name");
    tokens.allow(token, &document, at(NOW)).map(|grant| grant.right)
}

#[test]
fn times_hold_with_a_leeway_of_five_seconds() {
    let tokens = tokens(None, None);
    for (claims, expected) in [
        (json!({"sub": "a", "exp": NOW + 60}), Ok(Right::Editor)),
        (json!({"sub": "a", "exp": NOW + 60, "name": "A"}), Ok(Right::Editor)),
        (json!({"sub": "a", "exp": 1_800_000_000.5}), Ok(Right::Editor)),
        (json!({"sub": "a", "exp": NOW - 4}), Ok(Right::Editor)),
        (json!({"sub": "a", "exp": NOW - 5}), Err(Denied::Expired)),
        (json!({"sub": "a", "exp": 0}), Err(Denied::Expired)),
        (json!({"sub": "a", "exp": 1e15}), Ok(Right::Editor)),
        // Beyond what the library takes for a time.
        (json!({"sub": "a", "exp": 1e300}), Err(Denied::Unauthenticated)),
        (json!({"sub": "a", "exp": -1}), Err(Denied::Unauthenticated)),
        (json!({"sub": "a", "exp": "1900000000"}), Err(Denied::Unauthenticated)),
        (json!({"sub": "a"}), Err(Denied::Unauthenticated)),
        (json!({"sub": "a", "exp": NOW + 60, "nbf": NOW + 5}), Ok(Right::Editor)),
        (json!({"sub": "a", "exp": NOW + 60, "nbf": NOW + 6}), Err(Denied::Unauthenticated)),
        (json!({"exp": NOW + 60}), Err(Denied::Unauthenticated)),
        (json!({"sub": "  ", "exp": NOW + 60}), Err(Denied::Unauthenticated)),
        (json!({"sub": "a\u{0}", "exp": NOW + 60}), Err(Denied::Unauthenticated)),
        (json!({"sub": "a".repeat(256), "exp": NOW + 60}), Err(Denied::Unauthenticated)),
        (json!({"sub": "a", "exp": NOW + 60, "rooms": {"notes": "viewer"}}), Ok(Right::Viewer)),
        (json!({"sub": "a", "exp": NOW + 60, "rooms": {"no*": "owner"}}), Ok(Right::Owner)),
        (json!({"sub": "a", "exp": NOW + 60, "rooms": {}}), Err(Denied::Forbidden)),
        (json!({"sub": "a", "exp": NOW + 60, "rooms": {"notes": "king"}}), Err(Denied::Unauthenticated)),
    ] {
        assert_eq!(verdict(&tokens, &plain(&claims)), expected, "{claims}");
    }
}

#[test]
fn only_our_algorithm_and_our_secret_are_believed() {
    let tokens = tokens(None, None);
    let claims = json!({"sub": "a", "exp": NOW + 60});
    let good = plain(&claims);
    assert_eq!(verdict(&tokens, &good), Ok(Right::Editor));
    let (head, signature) = good.rsplit_once('.').expect("three parts");
    let (_, body) = head.split_once('.').expect("three parts");
    // {"alg":"none","typ":"JWT"}
    let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
    let typed = Header { typ: Some("at+jwt".into()), ..Header::new(Algorithm::HS256) };
    for (what, token) in [
        ("no algorithm", unsigned),
        ("another algorithm", signed(&Header::new(Algorithm::HS512), &claims, SECRET)),
        ("another secret", signed(&Header::new(Algorithm::HS256), &claims, "another secret of thirty-two byte")),
        ("another type", signed(&typed, &claims, SECRET)),
        ("a cut signature", format!("{head}.{}", &signature[1..])),
        ("no signature", format!("{head}.")),
        ("another body", good.replacen(body, "eyJzdWIiOiJiIiwiZXhwIjoxODAwMDAwMDYwfQ", 1)),
        ("nothing", String::new()),
        ("noise", "a.b.c".into()),
        ("too much", "a".repeat(10_000)),
    ] {
        assert_eq!(verdict(&tokens, &token), Err(Denied::Unauthenticated), "{what}");
    }
}

#[test]
fn issuer_and_audience_are_required_where_they_are_expected() {
    let open = tokens(None, None);
    let strict = tokens(Some("us"), Some("tandem"));
    for (claims, in_open, in_strict) in [
        (json!({"iss": "us", "aud": "tandem"}), false, true),
        (json!({"iss": "us", "aud": ["x", "tandem"]}), false, true),
        (json!({"iss": "us"}), true, false),
        (json!({"aud": "tandem"}), false, false),
        (json!({"iss": "us", "aud": "x"}), false, false),
        (json!({"iss": "them", "aud": "tandem"}), false, false),
    ] {
        let mut claims = claims;
        claims["sub"] = "a".into();
        claims["exp"] = (NOW + 60).into();
        let token = plain(&claims);
        assert_eq!(verdict(&open, &token).is_ok(), in_open, "open: {claims}");
        assert_eq!(verdict(&strict, &token).is_ok(), in_strict, "strict: {claims}");
    }
}

#[test]
fn what_is_minted_is_believed_until_it_ends() {
    let tokens = tokens(Some("us"), Some("tandem"));
    let minted = tokens.mint(Claims::about("a", Some("Ann"), None), Duration::from_secs(60), at(NOW)).expect("minted");
    assert_eq!(minted.expires_at, at(NOW + 60));
    let identity = tokens.verify(minted.token.expose_secret(), at(NOW + 64)).expect("within the leeway");
    assert_eq!((identity.subject.as_str(), identity.name.as_deref()), ("a", Some("Ann")));
    assert_eq!(tokens.verify(minted.token.expose_secret(), at(NOW + 65)), Err(Denied::Expired));
    let forever = tokens.mint(Claims::about("a", None, None), Duration::from_secs(u64::MAX), at(NOW));
    assert_eq!(forever.err(), Some(MintError::Time));
    let nobody = tokens.mint(Claims::about("", None, None), Duration::from_secs(60), at(NOW));
    assert_eq!(nobody.err(), Some(MintError::Text));
}
