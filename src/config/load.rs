//! Reads the layers of the configuration.

use std::fs;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use secrecy::SecretString;

use super::{ConfigError, Environment, Settings, rules};

/// Variables with names of their own, and the keys that they set.
const PLAIN: [(&str, &str); 4] = [
    ("DATABASE_URL", "store.database_url"),
    ("ALLOWED_HOSTS", "server.allowed_hosts"),
    ("CORS_ORIGINS", "server.cors_origins"),
    ("LOG_LEVEL", "log.level"),
];

const PREFIX: &str = "TANDEM__";

/// Where the configuration comes from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`.
    pub file: Option<PathBuf>,
    /// The folder that holds `config/`; relative paths start here.
    pub folder: PathBuf,
    /// The environment's variables.
    pub variables: Vec<(String, String)>,
}

/// A configuration that was checked.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// Development or production.
    pub environment: Environment,
    /// The keys.
    pub settings: Settings,
    /// The signing secret of the environment; none only in development, which makes its own.
    pub secret: Option<SecretString>,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

impl Sources {
    /// The process' own environment and working directory.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self { file, folder: PathBuf::new(), variables: std::env::vars_os().filter_map(text).collect() }
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(known, _)| known == name)?;
        // An empty variable is how compose files and unit files say "not set".
        Some(found.1.as_str()).filter(|value| !value.is_empty())
    }

    fn environment(&self) -> Result<Environment, ConfigError> {
        let Some(name) = self.variable("TANDEM_ENV") else { return Ok(Environment::Development) };
        name.parse().map_err(|()| ConfigError::Value {
            key: "TANDEM_ENV".into(),
            place: "environment variable TANDEM_ENV".into(),
            value: format!("{name:?}"),
            allowed: "development, production".into(),
        })
    }

    fn files(&self, environment: Environment) -> Result<Vec<PathBuf>, ConfigError> {
        if let Some(file) = &self.file {
            let path = self.folder.join(file);
            return match fs::metadata(&path) {
                Ok(found) if found.is_file() => Ok(vec![path]),
                Ok(_) => Err(ConfigError::File { path, reason: "is not a file".into() }),
                Err(error) => Err(ConfigError::File { path, reason: error.to_string() }),
            };
        }
        let named = ["base", environment.name()].map(|name| self.folder.join(format!("config/{name}.toml")));
        Ok(named.into_iter().filter(|path| path.is_file()).collect())
    }

    /// The signing secret: JWT_SECRET_KEY, else the content of JWT_SECRET_KEY_FILE.
    fn secret(&self) -> Result<Option<(String, SecretString)>, ConfigError> {
        if let Some(secret) = self.variable("JWT_SECRET_KEY") {
            return Ok(Some(("environment variable JWT_SECRET_KEY".into(), secret.into())));
        }
        let Some(name) = self.variable("JWT_SECRET_KEY_FILE") else { return Ok(None) };
        let path = self.folder.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some((path.display().to_string(), text.trim_end_matches(['\r', '\n']).into()))),
            Err(error) => Err(ConfigError::File { path, reason: format!("{error} (JWT_SECRET_KEY_FILE names it)") }),
        }
    }
}

/// Reads all layers and checks every value.
///
/// # Errors
/// All that is wrong, each with its key, its place and what is allowed.
pub fn load(sources: &Sources) -> Result<Configuration, Vec<ConfigError>> {
    let environment = sources.environment().map_err(|error| vec![error])?;
    let files = sources.files(environment).map_err(|error| vec![error])?;
    let figment = layers(sources, environment, &files);
    let settings: Settings = figment.extract().map_err(|error| vec![ConfigError::from_figment(&error, &figment)])?;
    let place = |key: &str| {
        figment.find_metadata(key).map_or_else(String::new, |metadata| {
            metadata.source.as_ref().map_or_else(|| metadata.name.to_string(), ToString::to_string)
        })
    };
    let mut errors = rules::check(&settings, environment, &place);
    let secret = match sources.secret() {
        Ok(secret) => rules::check_secret(secret, environment).unwrap_or_else(|error| {
            errors.push(error);
            None
        }),
        Err(error) => {
            errors.push(error);
            None
        }
    };
    if errors.is_empty() { Ok(Configuration { environment, settings, secret, files }) } else { Err(errors) }
}

fn layers(sources: &Sources, environment: Environment, files: &[PathBuf]) -> Figment {
    let own = match environment {
        Environment::Development => include_str!("../../config/development.toml"),
        Environment::Production => include_str!("../../config/production.toml"),
    };
    let mut figment = Figment::new().merge(CompiledIn(include_str!("../../config/base.toml"))).merge(CompiledIn(own));
    for path in files {
        figment = figment.merge(Toml::file_exact(absolute(path)));
    }
    for (name, value) in &sources.variables {
        if let Some(rest) = name.strip_prefix(PREFIX) {
            let key = rest.to_ascii_lowercase().replace("__", ".");
            let value = value.parse().unwrap_or_else(|never| match never {});
            figment = figment.merge(Variable { name, key, value });
        }
    }
    for (name, key) in PLAIN {
        if let Some(value) = sources.variable(name) {
            figment = figment.merge(Variable { name, key: key.into(), value: Value::from(value) });
        }
    }
    figment
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

struct CompiledIn(&'static str);

impl Provider for CompiledIn {
    fn metadata(&self) -> Metadata {
        Metadata::named("the compiled-in defaults")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Toml::string(self.0).data()
    }
}

struct Variable<'a> {
    name: &'a str,
    key: String,
    value: Value,
}

impl Provider for Variable<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("environment variable {}", self.name))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let nested = figment::util::nest(&self.key, self.value.clone());
        Ok(Profile::Default.collect(nested.into_dict().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use tandem_model::Limits;

    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Configuration, Vec<ConfigError>> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        load(&Sources { folder: "/nonexistent".into(), variables, ..Sources::default() })
    }

    fn refused(variables: &[(&str, &str)]) -> String {
        let errors = with(variables).expect_err("a wrong value is refused");
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_binary_alone_has_a_configuration() {
        let configuration = with(&[]).expect("the defaults are valid");
        assert_eq!(configuration.environment, Environment::Development);
        assert!(configuration.settings.auth.guests);
        assert!(configuration.files.is_empty());
    }

    #[test]
    fn the_limits_of_base_toml_are_those_of_the_code() {
        assert_eq!(with(&[]).expect("valid").settings.limits, Limits::default());
    }

    #[test]
    fn production_wants_a_secret_and_gives_nothing_away() {
        assert!(refused(&[("TANDEM_ENV", "production")]).contains("JWT_SECRET_KEY"));
        assert!(refused(&[("TANDEM_ENV", "production"), ("JWT_SECRET_KEY", "short")]).contains("32 bytes"));
        let secret = "x".repeat(32);
        let configuration = with(&[("TANDEM_ENV", "production"), ("JWT_SECRET_KEY", &secret)]).expect("valid");
        let auth = &configuration.settings.auth;
        assert!(!auth.guests && !auth.query_tokens && auth.default_right.right().is_none());
        assert!(!format!("{configuration:?}").contains(&secret), "a secret must not print");
    }

    #[test]
    fn a_wrong_value_is_named_with_its_place_and_what_is_allowed() {
        for (name, value, expected) in [
            ("TANDEM_ENV", "staging", &["TANDEM_ENV", "staging", "development, production"][..]),
            ("TANDEM__SERVER__LISTEN", "8080", &["server.listen", "TANDEM__SERVER__LISTEN", "127.0.0.1:8080"]),
            ("TANDEM__SERVER__LISTEN", "localhost", &["server.listen", "TANDEM__SERVER__LISTEN", "127.0.0.1:8080"]),
            ("TANDEM__SERVER__LISTEM", "x", &["server.listem", "TANDEM__SERVER__LISTEM", "listen"]),
            ("TANDEM__SERVERS__LISTEN", "x", &["servers", "server, auth, store, limits, log"]),
            ("TANDEM__AUTH__GUESTS", "perhaps", &["auth.guests", "TANDEM__AUTH__GUESTS", "true or false"]),
            ("TANDEM__AUTH__DEFAULT_RIGHT", "king", &["auth.default_right", "none", "viewer", "editor"]),
            ("TANDEM__LIMITS__OWED_EDITS", "-1", &["limits.owed_edits", "TANDEM__LIMITS__OWED_EDITS", "whole number"]),
            ("TANDEM__LIMITS__OWED_EDITS", "0", &["limits.owed_edits", "TANDEM__LIMITS__OWED_EDITS", "1 to"]),
            ("TANDEM__LOG__FORMAT", "xml", &["log.format", "text, json"]),
            ("LOG_LEVEL", "loud", &["log.level", "environment variable LOG_LEVEL", "trace"]),
            ("ALLOWED_HOSTS", "a b", &["server.allowed_hosts", "ALLOWED_HOSTS", "example.org"]),
            ("CORS_ORIGINS", "*", &["server.cors_origins", "CORS_ORIGINS", "https://"]),
            (
                "DATABASE_URL",
                "mongodb://u:secret@h/",
                &["store.database_url", "DATABASE_URL", "sqlite://", "postgresql://"],
            ),
            ("TANDEM__STORE__CONNECTIONS", "201", &["store.connections", "TANDEM__STORE__CONNECTIONS", "2 to 200"]),
            ("TANDEM__STORE__CONNECTIONS", "1", &["store.connections", "2 to 200"]),
            ("TANDEM__STORE__STATEMENT_SECONDS", "0", &["store.statement_seconds", "1 to 3600"]),
        ] {
            let text = refused(&[(name, value)]);
            for part in expected {
                assert!(text.contains(part), "{name}={value}: {part:?} is not in {text:?}");
            }
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn plain_names_set_their_keys_and_an_empty_one_is_not_set() {
        let configuration = with(&[
            ("ALLOWED_HOSTS", "Example.org, two.example:8443"),
            ("DATABASE_URL", ""),
            ("TANDEM__SERVER__LISTEN", "127.0.0.1:0"),
        ])
        .expect("valid");
        let names: Vec<String> = configuration.settings.server.allowed_hosts.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["example.org", "two.example:8443"]);
        assert_eq!(configuration.settings.server.listen.port(), 0);
    }

    #[test]
    fn the_store_of_base_toml_is_that_of_the_code() {
        let store = with(&[("DATABASE_URL", "postgresql://u:secret@h/d")]).expect("valid").settings.store;
        assert_eq!(store.options(), tandem_store::Options::default());
        assert!(!format!("{store:?}").contains("secret"), "a password must not print");
    }

    #[test]
    fn development_stays_on_loopback_unless_told() {
        let text = refused(&[("TANDEM__SERVER__LISTEN", "0.0.0.0:8080")]);
        assert!(text.contains("server.listen") && text.contains("server.beyond_loopback"), "{text}");
        with(&[("TANDEM__SERVER__LISTEN", "0.0.0.0:8080"), ("TANDEM__SERVER__BEYOND_LOOPBACK", "true")])
            .expect("it was told");
    }
}
