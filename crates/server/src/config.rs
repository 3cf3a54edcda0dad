//! The server's configuration: one commented TOML with every default, embedded, under a file, under flags.

use crate::callbacks::{Dispatcher, Schedule};
use crate::calls::SupervisionConfig;
use crate::telemetry::Traces;
use anyhow::{Context, bail};
use ipnet::IpNet;
use ringline_model::{ConfigError, MAX_PROVIDERS, ProviderNode, ProviderSettings, is_tool_server_name};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The manual and the defaults.
pub const DEFAULT_TOML: &str = include_str!("../../../config/default.toml");

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: ServerConfig,
    pub media: MediaConfig,
    pub models: ModelsConfig,
    pub asr: NodeConfig,
    pub llm: NodeConfig,
    pub tts: NodeConfig,
    pub recording: RecordingConfig,
    pub outward: OutwardConfig,
    pub callbacks: CallbacksConfig,
    pub supervision: SupervisionSettings,
    pub mcp: McpConfig,
    pub metrics: MetricsConfig,
    pub telemetry: TelemetryConfig,
    pub app_server: AppServerConfig,
    pub agent: DemoAgentConfig,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    pub listen: SocketAddr,
    pub public_url: String,
    pub data_dir: PathBuf,
    pub database: DatabaseUrl,
    /// A file of agents; empty: none.
    pub agents: PathBuf,
    pub max_request_head: usize,
    pub max_body: usize,
    /// In s.
    pub drain_timeout: u64,
}

/// A database's address, or none. It may hold a password, so it doesn't print.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    pub fn get(&self) -> Option<&str> {
        (!self.0.is_empty()).then_some(&*self.0)
    }

    /// `sqlite` or `postgres`.
    pub fn kind(&self) -> &'static str {
        if self.0.is_empty() { "sqlite" } else { "postgres" }
    }
}

impl From<&str> for DatabaseUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "(an address)" })
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaConfig {
    pub udp: SocketAddr,
    pub advertise: Vec<IpAddr>,
    pub threads: usize,
    pub ear_threads: usize,
    pub max_calls: usize,
    pub ice_servers: Vec<IceServerConfig>,
}

/// A STUN or TURN server that clients are told of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IceServerConfig {
    pub urls: Vec<String>,
    /// Name of the environment variable with the secret that it shares with us; empty: it wants no credentials.
    #[serde(default)]
    pub secret_env: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Models on this machine.
    Local,
    /// No models: deterministic script.
    Scripted,
}

impl Family {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Scripted => "scripted",
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelsConfig {
    pub family: Family,
    pub tier: String,
    pub dir: String,
    #[cfg_attr(not(feature = "local"), allow(dead_code, reason = "a configuration that has it must still be read"))]
    pub llm_threads: usize,
    pub script: String,
}

/// Who does a node's work for agents that have no providers of their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Asked in this order when the one before fails.
    pub providers: Vec<ProviderNode>,
    pub fallback_after_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingConfig {
    pub enabled: bool,
    /// Of addresses of recordings that callbacks give out, in s.
    pub url_life: u64,
    pub storage: RecordingStorage,
    pub retention: RecordingRetention,
}

/// Where recordings are kept; see [`crate::recording::Archive`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingStorage {
    pub kind: StorageKind,
    /// Of the local kind; empty: where recordings are made.
    pub path: PathBuf,
    pub bucket: String,
    pub prefix: String,
    pub endpoint: String,
    pub region: String,
    pub keep_local: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    #[default]
    Local,
    S3,
}

/// How long recordings are kept; 0: for ever.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingRetention {
    pub max_age_days: u32,
    pub max_bytes: u64,
}

/// What may be reached at addresses that callers name; see [`crate::outward`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutwardConfig {
    /// Besides public addresses.
    pub allow: Vec<IpNet>,
    /// Not only https.
    pub allow_http: bool,
}

/// How events get to app servers; see [`crate::callbacks`]. Times in s.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallbacksConfig {
    pub timeout: u64,
    pub retry_after: Vec<u64>,
    pub max_age: u64,
    pub parallel: usize,
}

impl CallbacksConfig {
    pub fn dispatcher(&self) -> anyhow::Result<Dispatcher> {
        if !(1..=60).contains(&self.timeout) || !(1..=1000).contains(&self.parallel) {
            bail!("callbacks.timeout must be 1 to 60, callbacks.parallel 1 to 1000");
        }
        if self.retry_after.contains(&0) || self.retry_after.len() > 100 {
            bail!("callbacks.retry_after lists at most 100 waits of at least 1 s");
        }
        let waits = self.retry_after.iter().copied().map(Duration::from_secs).collect();
        let schedule = Schedule::new(waits, Duration::from_secs(self.max_age));
        let schedule = schedule.context("callbacks.retry_after must list at least one wait")?;
        Ok(Dispatcher { schedule, timeout: Duration::from_secs(self.timeout), parallel: self.parallel })
    }
}

/// What becomes of the call when the human in charge leaves without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HumanLeaves {
    EndsCall,
    HandsBack,
}

/// Who may watch and step in; see `doors/admin/calls`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupervisionSettings {
    pub max_supervisors: usize,
    pub max_listeners: usize,
    pub human_leaves: HumanLeaves,
}

impl SupervisionSettings {
    pub fn calls(&self) -> SupervisionConfig {
        SupervisionConfig {
            max_supervisors: self.max_supervisors,
            max_listeners: self.max_listeners,
            leaving_hands_back: self.human_leaves == HumanLeaves::HandsBack,
        }
    }
}

/// Tool servers that run on this machine; see [`crate::mcp`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpConfig {
    pub commands: Vec<McpCommand>,
}

/// A program that speaks the Model Context Protocol on its standard input and output. Its environment may hold secrets, so it
/// does not print.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct McpCommand {
    pub name: String,
    pub command: PathBuf,
    #[serde(default)]
    pub args: Vec<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl fmt::Debug for McpCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("McpCommand").field("name", &self.name).finish_non_exhaustive()
    }
}

impl McpConfig {
    fn check(&self) -> anyhow::Result<()> {
        if self.commands.len() > MAX_COMMANDS {
            bail!("mcp.commands lists at most {MAX_COMMANDS} commands");
        }
        for (n, command) in self.commands.iter().enumerate() {
            if !is_tool_server_name(&command.name) {
                bail!("mcp.commands[{n}].name must be 1 to 24 letters, digits, - and _");
            }
            if command.command.as_os_str().is_empty() {
                bail!("mcp.commands[{n}].command must be set");
            }
            if self.commands[..n].iter().any(|other| other.name == command.name) {
                bail!("mcp.commands[{n}].name: `{}` is there already", command.name);
            }
        }
        Ok(())
    }
}

/// Where metrics are, beside the server's own address; see [`crate::metrics`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    listen: String,
}

impl MetricsConfig {
    /// None: on the server's own address alone.
    pub fn address(&self) -> anyhow::Result<Option<SocketAddr>> {
        let listen = self.listen.trim();
        let address = (!listen.is_empty()).then(|| listen.parse::<SocketAddr>()).transpose();
        address.context("metrics.listen must be an address with a port, e.g. 127.0.0.1:9464, or empty")
    }
}

/// Where traces go; see [`crate::telemetry`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    pub otlp_endpoint: String,
}

impl TelemetryConfig {
    /// Call inside the runtime.
    pub fn traces(&self) -> anyhow::Result<Traces> {
        match self.otlp_endpoint.trim() {
            "" => Ok(Traces::default()),
            endpoint => Traces::start(endpoint),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        let endpoint = self.otlp_endpoint.trim();
        if !endpoint.is_empty() && !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
            bail!("telemetry.otlp_endpoint must begin with http:// or https://, or be empty");
        }
        Ok(())
    }
}

/// Child processes, each shared by all calls.
const MAX_COMMANDS: usize = 32;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppServerConfig {
    pub enabled: bool,
    pub allow_origin: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoAgentConfig {
    pub name: String,
    pub language: String,
    pub greeting: String,
    pub system_prompt: String,
}

/// Addresses of ICE servers in all, and their length: they travel in every token.
const MAX_ICE_URLS: usize = 4;
const MAX_ICE_URL: usize = 128;

impl Config {
    /// The defaults, under `file` if given.
    pub fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let mut table: toml::Table =
            toml::from_str(DEFAULT_TOML).context("the embedded defaults are not valid TOML")?;
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            let over: toml::Table =
                toml::from_str(&text).with_context(|| format!("{} is not valid TOML", path.display()))?;
            merge(&mut table, over);
        }
        let what = file.map_or("the embedded defaults".to_owned(), |p| p.display().to_string());
        let config: Self = table.try_into().with_context(|| format!("in {what}"))?;
        config.check()?;
        Ok(config)
    }

    /// The base of our URLs, for those who reach us at `host` unless something else is configured.
    pub fn base_url(&self, host: &str) -> String {
        match self.server.public_url.trim_end_matches('/') {
            "" => format!("http://{host}"),
            public => public.to_owned(),
        }
    }

    /// Checked once at start, so that no call finds out.
    pub fn check(&self) -> anyhow::Result<()> {
        if !matches!(self.models.tier.as_str(), "tiny" | "small" | "standard") {
            bail!("models.tier is `{}`; it must be tiny, small or standard", self.models.tier);
        }
        if self.media.threads == 0 || self.media.ear_threads == 0 || self.media.max_calls == 0 {
            bail!("media.threads, media.ear_threads and media.max_calls must be at least 1");
        }
        self.check_providers()?;
        self.mcp.check()?;
        let urls: Vec<_> = self.media.ice_servers.iter().flat_map(|server| &server.urls).collect();
        let is_one = |url: &str| ["stun:", "turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme));
        if urls.len() > MAX_ICE_URLS || urls.iter().any(|url| url.len() > MAX_ICE_URL || !is_one(url)) {
            bail!(
                "media.ice_servers has at most {MAX_ICE_URLS} urls in all, each stun:, turn: or turns: and at most {MAX_ICE_URL} long"
            );
        }
        self.callbacks.dispatcher()?;
        if self.supervision.max_supervisors > 100 || self.supervision.max_listeners > 1000 {
            bail!("supervision.max_supervisors is at most 100, supervision.max_listeners at most 1000");
        }
        self.metrics.address()?;
        self.telemetry.check()?;
        let storage = &self.recording.storage;
        if storage.kind == StorageKind::S3 && storage.bucket.is_empty() {
            bail!("recording.storage.kind is `s3`: recording.storage.bucket must be set too");
        }
        if !storage.endpoint.is_empty()
            && !storage.endpoint.starts_with("http://")
            && !storage.endpoint.starts_with("https://")
        {
            bail!("recording.storage.endpoint must begin with http:// or https://");
        }
        if !(60..=30 * 24 * 3600).contains(&self.recording.url_life) {
            bail!("recording.url_life must be 60 s to 30 days (2592000)");
        }
        let url = &self.server.public_url;
        if !url.is_empty() && !url.starts_with("http://") && !url.starts_with("https://") {
            bail!("server.public_url must begin with http:// or https://");
        }
        Ok(())
    }
}

impl Config {
    /// The lists of providers, as agents have them.
    pub fn providers(&self) -> ProviderSettings {
        let Self { asr, llm, tts, .. } = self;
        ProviderSettings { asr: asr.providers.clone(), llm: llm.providers.clone(), tts: tts.providers.clone() }
    }

    fn check_providers(&self) -> anyhow::Result<()> {
        // A text or a voice is waited for no longer than 5 s in all.
        for (name, node, waits) in
            [("asr", &self.asr, 300..=4000), ("llm", &self.llm, 500..=10_000), ("tts", &self.tts, 300..=4000)]
        {
            if node.providers.is_empty() || node.providers.len() > MAX_PROVIDERS {
                bail!("{name}.providers must list 1 to {MAX_PROVIDERS} providers");
            }
            if !waits.contains(&node.fallback_after_ms) {
                bail!("{name}.fallback_after_ms must be {} to {}", waits.start(), waits.end());
            }
        }
        for (node, providers) in self.providers().nodes() {
            for (n, provider) in providers.iter().enumerate() {
                let error = |error: ConfigError| {
                    anyhow::anyhow!("{}.providers[{n}].{} {}", node.as_str(), error.field, error.reason)
                };
                provider.check(node).map_err(error)?;
            }
        }
        Ok(())
    }
}

fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn load(text: &str) -> anyhow::Result<Config> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(text.as_bytes())?;
        Config::load(Some(file.path()))
    }

    #[test]
    fn the_embedded_defaults_are_complete() {
        let config = Config::load(None).expect("defaults");
        assert_eq!(config.models.family, Family::Local);
    }

    #[test]
    fn a_file_names_only_what_differs() {
        let config = load("[media]\nmax_calls = 7\n").expect("valid");
        assert_eq!((config.media.max_calls, config.media.threads), (7, 1));
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let error = format!("{:#}", load("[media]\nmax_cals = 7\n").expect_err("unknown"));
        assert!(error.contains("max_cals"), "{error}");
    }

    #[test]
    fn a_database_is_named_by_its_address_and_its_password_does_not_print() {
        assert_eq!(Config::load(None).expect("defaults").server.database.get(), None, "SQLite");
        let config = load("[server]\ndatabase = \"postgres://a:hunter2@h/d\"\n").expect("valid");
        assert_eq!(config.server.database.get(), Some("postgres://a:hunter2@h/d"));
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn outward_is_public_addresses_only_unless_ranges_are_named() {
        assert!(Config::load(None).expect("defaults").outward.allow.is_empty());
        let config = load("[outward]\nallow = [\"127.0.0.0/8\", \"fd00::/8\"]\n").expect("valid");
        assert_eq!(config.outward.allow.len(), 2);
        let error = format!("{:#}", load("[outward]\nallow = [\"localhost\"]\n").expect_err("no range"));
        assert!(error.contains("allow"), "{error}");
    }

    #[test]
    fn callbacks_have_waits_between_attempts_and_room_for_one() {
        let dispatcher = Config::load(None).expect("defaults").callbacks.dispatcher().expect("valid");
        assert_eq!(dispatcher.timeout, Duration::from_secs(5));
        for wrong in ["retry_after = []", "retry_after = [1, 0]", "timeout = 0", "timeout = 61", "parallel = 0"] {
            let error = format!("{:#}", load(&format!("[callbacks]\n{wrong}\n")).expect_err(wrong));
            assert!(error.contains("callbacks."), "{error}");
        }
    }

    #[test]
    fn metrics_have_an_address_of_their_own_if_one_is_named() {
        let address = |text: &str| load(&format!("[metrics]\nlisten = \"{text}\"\n"))?.metrics.address();
        assert_eq!(address("").expect("valid"), None);
        assert_eq!(address("127.0.0.1:9464").expect("valid"), "127.0.0.1:9464".parse().ok());
        assert!(format!("{:#}", address("9464").expect_err("no address")).contains("metrics.listen"));
    }

    #[test]
    fn a_store_of_recordings_is_complete_and_addresses_do_not_live_for_ever() {
        let config = load("[recording.storage]\nkind = \"s3\"\nbucket = \"b\"\n").expect("valid");
        assert_eq!((config.recording.storage.kind, config.recording.url_life), (StorageKind::S3, 86_400));
        for wrong in [
            "[recording.storage]\nkind = \"s3\"\n",
            "[recording.storage]\nendpoint = \"minio:9000\"\n",
            "[recording]\nurl_life = 3000000\n",
        ] {
            assert!(format!("{:#}", load(wrong).expect_err(wrong)).contains("recording."));
        }
    }

    #[test]
    fn providers_that_stand_in_are_complete() {
        let url = "url = \"http://127.0.0.1:9000/v1\"";
        let one = |node: &str, rest: &str| format!("[[{node}.providers]]\n{rest}\n");
        let config = load(
            &(one("llm", &format!("provider = \"openai\"\n{url}\nmodel = \"m\""))
                + &one("llm", "provider = \"models\"")),
        );
        assert_eq!(config.expect("valid").llm.providers.len(), 2);
        for (wrong, part) in [
            (one("llm", "provider = \"openai\""), "llm.providers[0].url"),
            (one("tts", &format!("provider = \"openai\"\n{url}")), "tts.providers[0].model"),
            (one("asr", &format!("provider = \"self_hosted\"\n{url}")), "asr.providers[0].url"),
            (one("tts", "provider = \"models\"").repeat(5), "tts.providers"),
            ("[asr]\nproviders = []\n".to_owned(), "asr.providers"),
            ("[llm]\nfallback_after_ms = 1\n".to_owned(), "llm.fallback_after_ms"),
        ] {
            let error = format!("{:#}", load(&wrong).expect_err(&wrong));
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn ice_servers_have_addresses_of_their_kind() {
        let config =
            load("[[media.ice_servers]]\nurls = [\"turn:t.example:3478\"]\nsecret_env = \"X\"\n").expect("valid");
        assert_eq!(config.media.ice_servers.len(), 1);
        for wrong in ["[\"http://t.example\"]", "[\"stun:a\", \"stun:b\", \"stun:c\", \"stun:d\", \"stun:e\"]"] {
            let error = format!("{:#}", load(&format!("[[media.ice_servers]]\nurls = {wrong}\n")).expect_err(wrong));
            assert!(error.contains("media.ice_servers"), "{error}");
        }
    }

    #[test]
    fn a_tier_that_does_not_exist_is_refused() {
        assert!(load("[models]\ntier = \"huge\"\n").is_err());
    }
}
