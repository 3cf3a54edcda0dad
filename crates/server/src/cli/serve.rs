//! `ringline serve`

use super::machine;
use crate::agents;
use crate::app::App;
use crate::callbacks::{Customers, Reporter, Wake, dispatch};
use crate::calls::{Calls, CallsConfig, ClipLoader, EarPool, Recorder, Sounds, Writer};
use crate::config::{Config, DatabaseUrl, Family};
use crate::doors::admin::Admin;
use crate::ice::IceServers;
use crate::mcp::McpServers;
use crate::operations::Operations;
use crate::outward::Outward;
use crate::providers::Providers;
use crate::recording::{Addresses, Archive, Keeper, Recordings, SealKey, keep, private_dir};
use crate::scheduling;
use crate::secrets::random_text;
use crate::voiceprints::Voiceprints;
use anyhow::{Context, bail};
use clap::Args;
use ringline_model::{AgentId, AgentKind, AgentSettings, RtcApp, normalise};
use ringline_protocol::callback::{Happened, StopReason};
use ringline_protocol::nonce::NonceMemory;
use ringline_rtc::{Hub, HubConfig};
use ringline_store::{AccessKeyRecord, AgentRecord, Store};
use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Nonces remembered, 40 bytes each: 2,200 requests a second for as long as their window of 15 minutes lasts. Beyond that
/// requests are answered with `Throttling`.
const NONCES: usize = 2_000_000;

/// Run the server. Every option's default and meaning: `ringline serve --print-config`.
#[derive(Args)]
pub struct Serve {
    /// TOML file with what differs from the defaults (see --print-config).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Directory for recordings and the SQLite database [default: data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Postgres instead of SQLite, e.g. postgres://user:password@host/database. A password is better kept off the command
    /// line: in the environment.
    #[arg(long, value_name = "URL", env = "RINGLINE_DATABASE", hide_env_values = true)]
    database: Option<DatabaseUrl>,
    /// HTTP address of page, OpenAPI and signaling; port 0 picks a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// UDP address for the media of all calls; port 0 picks a free one [default: 127.0.0.1:0].
    #[arg(long, value_name = "ADDR:PORT")]
    udp: Option<SocketAddr>,
    /// Public address to put into ICE candidates; may be repeated [default: this machine's addresses].
    #[arg(long, value_name = "IP")]
    advertise: Vec<IpAddr>,
    /// Agents to store at start: TOML or JSON, as config/agents.example.toml shows.
    #[arg(long, value_name = "FILE")]
    agents: Option<PathBuf>,
    /// What clients are told to connect to, e.g. https://calls.example.com [default: the host a request was sent to].
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Where listening, thinking and speaking come from [default: local].
    #[arg(long, value_enum, value_name = "FAMILY")]
    models: Option<Family>,
    /// Language model of the local family: tiny, small or standard [default: standard].
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// Script for the scripted family (TOML) [default: the built-in one].
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// How logs are written to stderr: text, or json with one object a line.
    #[arg(long, value_enum, value_name = "FORMAT", env = "RINGLINE_LOG_FORMAT", default_value = "text")]
    log_format: super::LogFormat,
    /// Print one JSON line on stdout when calls are accepted: url, rtc_url, agent_id, access_key_id,
    /// access_key_secret, admin_token, version. For automation.
    #[arg(long)]
    ready_json: bool,
    /// Print the default configuration with its comments, and exit.
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        if self.print_config {
            print!("{}", crate::config::DEFAULT_TOML);
            return Ok(ExitCode::SUCCESS);
        }
        machine::check_cpu()?;
        let config = self.config()?;
        #[cfg(all(feature = "local", unix))]
        if config.models.family == Family::Local {
            machine::passive_openmp()?;
        }
        super::start_logs("info", self.log_format);
        let media = media_runtime(config.media.threads)?;
        let main = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let result = main.block_on(serve(config, media.handle().clone(), self.ready_json));
        media.shutdown_timeout(Duration::from_secs(1));
        main.shutdown_timeout(Duration::from_secs(1));
        result.map(|()| ExitCode::SUCCESS)
    }

    /// Defaults, then the file, then flags.
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.config.as_deref())?;
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        set(&mut config.server.data_dir, self.data.clone());
        set(&mut config.server.database, self.database.clone());
        set(&mut config.server.agents, self.agents.clone());
        set(&mut config.server.listen, self.listen);
        set(&mut config.media.udp, self.udp);
        set(&mut config.server.public_url, self.public_url.clone());
        set(&mut config.models.family, self.models);
        set(&mut config.models.tier, self.tier.clone());
        set(&mut config.models.script, self.script.as_ref().map(text));
        if !self.advertise.is_empty() {
            config.media.advertise.clone_from(&self.advertise);
        }
        config.check()?;
        Ok(config)
    }
}

fn set<T>(place: &mut T, flag: Option<T>) {
    if let Some(flag) = flag {
        *place = flag;
    }
}

/// Media has threads of its own, with raised priority where that is permitted.
fn media_runtime(threads: usize) -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("media")
        .enable_all()
        .on_thread_start(scheduling::before_all)
        .build()
        .context("cannot start the media runtime")
}

async fn serve(config: Config, media: tokio::runtime::Handle, ready_json: bool) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;

    let data = config.server.data_dir.clone();
    private_dir(&data).with_context(|| format!("cannot create {}", data.display()))?;
    let store = super::database::open(&config.server.database, &data).await?;
    recover(&*store).await?;
    let agent = demo_agent(&*store, &config).await?;
    let key = development_key(&*store).await?;
    let admin_token = admin_token(&*store).await?;
    let outward = Outward::new(&config.outward).context("cannot make an HTTP client")?;
    let mcp = McpServers::new(&config.mcp, outward.clone());
    if !config.server.agents.as_os_str().is_empty() {
        let changed = agents::file::apply(&*store, &outward, &mcp, &config.server.agents, App::now_ms()).await?;
        tracing::info!(changed, "agents of the file are stored");
    }
    let rtc_app = RtcApp {
        id: store.put_setting_if_absent("rtc_app_id", &random_text(16)).await?,
        key: store.put_setting_if_absent("rtc_app_key", &random_text(32)).await?.into(),
    };

    let listener = TcpListener::bind(config.server.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.server.listen))?;
    let address = listener.local_addr()?;
    // The hub's reader belongs to the media runtime.
    let hub = HubConfig { advertise: config.media.advertise.clone(), ..HubConfig::new(config.media.udp) };
    let hub = media.spawn(Hub::bind(hub)).await?.with_context(|| format!("cannot use UDP {}", config.media.udp))?;
    let udp = hub.local_addr();

    if config.models.family == Family::Local {
        tracing::info!(tier = config.models.tier, "loading models");
    }
    let (providers, config) =
        tokio::task::spawn_blocking(move || Providers::load(&config).map(|p| (p, config))).await??;
    let providers = Arc::new(providers);
    let recorder = Arc::new(Recorder::start(data.join("recordings")).context("cannot record")?);
    let archive = Archive::open(&config.recording.storage, &data)?;
    let seal_key = Arc::new(SealKey::of(&*store).await?);
    let (wake, ended) = (Wake::default(), Wake::default());
    let (stop_keeping, no_more_ends) = tokio::sync::watch::channel(false);
    let keeper = Keeper {
        store: store.clone(),
        archive: archive.clone(),
        recorder: recorder.clone(),
        key: seal_key.clone(),
        retention: config.recording.retention,
        addresses: Addresses {
            base_url: config.base_url(&address.to_string()),
            key: rtc_app.key.clone(),
            life: config.recording.url_life,
        },
        ended: ended.clone(),
        told: wake.clone(),
    };
    let keeper = tokio::spawn(keep(keeper, no_more_ends));
    let customers = Arc::new(Customers { store: store.clone(), outward: outward.clone() });
    let (calls_over, no_more_calls) = tokio::sync::watch::channel(false);
    let dispatcher = tokio::spawn(dispatch(customers, config.callbacks.dispatcher()?, wake.clone(), no_more_calls));
    let agent_providers = agents::AgentProviders::new(outward.clone());
    let admin = Admin { token: admin_token.as_str().into(), writing: tokio::sync::Mutex::default() };
    let ears = EarPool::start(config.media.ear_threads, &tokio::runtime::Handle::current())?;
    let clips = ClipLoader::new(outward.clone());
    let calls = Calls::new(
        hub,
        CallsConfig {
            max_calls: config.media.max_calls,
            sounds: Sounds::new(clips.clone()),
            clips,
            supervision: config.supervision.calls(),
            traces: config.telemetry.traces()?,
            ice_servers: IceServers::new(&config.media.ice_servers)?,
        },
        providers.clone(),
        recorder,
        Writer::start(store.clone(), wake.clone(), ended),
        ears,
        media,
    );
    let drain_timeout = Duration::from_secs(config.server.drain_timeout);
    let nonces = Mutex::new(NonceMemory::new(NONCES));
    let voiceprints = Voiceprints::new();
    let operations = Operations::start(App::now_ms());
    let recordings = Recordings::new(archive, seal_key);
    let app = Arc::new(App {
        config,
        store,
        calls,
        providers,
        outward,
        voiceprints,
        recordings,
        wake,
        agent_providers,
        mcp,
        admin,
        operations,
        nonces,
        rtc_app,
    });
    let router = crate::doors::router(app.clone())?;

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut metrics_url = None;
    if let Some(address) = app.config.metrics.address()? {
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        metrics_url = Some(format!("http://{}{}", listener.local_addr()?, crate::metrics::PATH));
        let (router, head) = (crate::metrics::lone_router(app.clone()), app.config.server.max_request_head);
        tokio::spawn(crate::doors::http::serve(listener, router, head, stopped.clone()));
    }

    let url = app.base_url(Some(&address.to_string()));
    if ready_json {
        let ready = json!({
            "url": url,
            "rtc_url": format!("{url}{}", crate::doors::signaling::PATH),
            "agent_id": agent,
            "access_key_id": key.id,
            "access_key_secret": key.secret,
            "rtc_app_id": app.rtc_app.id,
            "rtc_app_key": app.rtc_app.key,
            "admin_token": admin_token,
            "metrics_url": metrics_url,
            "version": crate::VERSION,
        });
        println!("{ready}");
    } else {
        let models = app.config.models.family.as_str();
        println!("\n  Ringline {} is ready ({models} models).\n", crate::VERSION);
        println!("  Talk to the demo agent   {url}/");
        println!("  Agent id                 {agent}");
        println!("  Development access key   {} / {}", key.id, key.secret);
        println!("  Admin token              {admin_token}");
        println!("  OpenAPI endpoint         {}", url.trim_start_matches("http://"));
        println!("  Media                    UDP {udp}\n");
    }

    let server = tokio::spawn(crate::doors::http::serve(listener, router, app.config.server.max_request_head, stopped));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!(calls = app.calls.count(), "shutting down: no new calls, running ones end");
    app.calls.drain(drain_timeout).await;
    stop.send_replace(true);
    server.await?;
    stop_keeping.send_replace(true);
    keeper.await?;
    // The ends of the calls are told last.
    calls_over.send_replace(true);
    dispatcher.await?;
    app.mcp.close().await;
    tracing::info!("bye");
    Ok(())
}

/// Instances a crash left running are over.
async fn recover(store: &dyn Store) -> anyhow::Result<()> {
    loop {
        let left = store.unfinished(100).await?;
        for instance in &left {
            let now_ms = App::now_ms();
            let told = store.agent(&instance.agent).await?.and_then(|agent| {
                let (id, channel) = (instance.id.clone(), instance.channel.clone());
                let reporter = Reporter::new(&agent.settings.callbacks, agent.id, id, channel);
                reporter.report(&Happened::AgentStop(StopReason::Crashed), instance.user_data.as_deref(), now_ms)
            });
            store.finish_instance(&instance.id, "crashed", now_ms, told.as_slice()).await?;
            tracing::warn!(call.id = %instance.id, "the server had gone in the middle of this call");
        }
        if left.is_empty() {
            return Ok(());
        }
    }
}

/// The demo agent's id; made at the first start.
async fn demo_agent(store: &dyn Store, config: &Config) -> anyhow::Result<AgentId> {
    let id = store.put_setting_if_absent("demo_agent", &random_text(32)).await?;
    let id = AgentId::parse(id)?;
    if store.agent(&id).await?.is_none() {
        let now = App::now_ms();
        let demo = &config.agent;
        let agent = AgentRecord {
            id: id.clone(),
            name: demo.name.clone(),
            kind: AgentKind::VoiceChat,
            config: normalise(&json!({
                "Greeting": demo.greeting,
                "AsrConfig": {"AsrLanguageId": demo.language},
                "LlmConfig": {"LlmSystemPrompt": demo.system_prompt},
            }))?,
            settings: AgentSettings::default(),
            created_ms: now,
            modified_ms: now,
        };
        store.put_agent(&agent).await?;
    }
    Ok(id)
}

/// A key for development; made at the first start.
async fn development_key(store: &dyn Store) -> anyhow::Result<AccessKeyRecord> {
    let id = store.put_setting_if_absent("development_key", &format!("RLDEV{}", random_text(16))).await?;
    if let Some(key) = store.access_key(&id).await? {
        return Ok(key);
    }
    let secret = random_text(40);
    let key = AccessKeyRecord { id, secret, active: true, operations: None, created_ms: App::now_ms() };
    store.put_access_key(&key).await?;
    Ok(key)
}

/// The token operators sign in with: of the environment, else made at the first start and kept.
async fn admin_token(store: &dyn Store) -> anyhow::Result<String> {
    const NAME: &str = "RINGLINE_ADMIN_TOKEN";
    const LEAST: usize = 16;
    match std::env::var(NAME) {
        Ok(token) if token.chars().count() < LEAST => bail!("{NAME} must have at least {LEAST} characters"),
        Ok(token) => Ok(token),
        Err(std::env::VarError::NotPresent) => Ok(store.put_setting_if_absent("admin_token", &random_text(40)).await?),
        Err(error) => Err(error).context(NAME),
    }
}
