//! `ringline doctor`

use super::database;
use crate::config::{Config, DatabaseUrl, Family};
use crate::doctor::{Check, Report, Verdict, machine, network, providers};
use crate::ice::IceServers;
use crate::providers::Providers;
use anyhow::{Context, bail};
use clap::Args;
use reqwest::header::DATE;
use ringline_rtc::{Hub, HubConfig, RtcError};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// For an answer of the server; its own look takes a minute at most.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(90);

/// Look whether everything is in place, and say what to do where it is not. Exit code 1 if something failed.
///
/// Without --url: this machine, as `serve` with the same options would find it (its database is opened, and made up to date, as
/// at a start). With --url: a running server, and the way from here to it.
#[derive(Args)]
pub struct Doctor {
    /// A running server, e.g. https://calls.example.com.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Its admin token: without one only the way to it is looked at.
    #[arg(long, value_name = "TOKEN", env = "RINGLINE_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// The server's configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Its data directory [default: data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Its Postgres database, if it has one.
    #[arg(long, value_name = "URL", env = "RINGLINE_DATABASE", hide_env_values = true)]
    database: Option<DatabaseUrl>,
    /// Its UDP address for media [default: 127.0.0.1:0].
    #[arg(long, value_name = "ADDR:PORT")]
    udp: Option<SocketAddr>,
    /// Where its listening, thinking and speaking come from [default: local].
    #[arg(long, value_enum, value_name = "FAMILY")]
    models: Option<Family>,
    /// Its language model of the local family: tiny, small or standard [default: standard].
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        super::start_logs("error", super::LogFormat::Text);
        let config = self.config()?;
        #[cfg(all(feature = "local", unix))]
        if self.url.is_none() && config.models.family == Family::Local {
            super::machine::passive_openmp()?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let report = runtime.block_on(async {
            match &self.url {
                Some(url) => from_afar(url.trim_end_matches('/'), self.admin_token.as_deref()).await,
                None => here(config).await,
            }
        })?;
        runtime.shutdown_timeout(Duration::from_secs(1));
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            print!("{}", table(&report));
        }
        Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::load(self.config.as_deref())?;
        let server = &mut config.server;
        server.data_dir = self.data.clone().unwrap_or(std::mem::take(&mut server.data_dir));
        server.database = self.database.clone().unwrap_or(server.database.clone());
        config.media.udp = self.udp.unwrap_or(config.media.udp);
        config.models.family = self.models.unwrap_or(config.models.family);
        config.models.tier = self.tier.clone().unwrap_or(config.models.tier);
        config.check()?;
        Ok(config)
    }
}

/// What a server on this machine would find.
async fn here(config: Config) -> anyhow::Result<Report> {
    let mut checks = vec![machine::cpu(), machine::disk(&config.server.data_dir)];
    checks.extend(stored(&config).await);
    let (candidates, ports) = ports(&config).await;
    checks.extend(ports);
    match IceServers::new(&config.media.ice_servers) {
        Ok(servers) => checks.extend(network::servers(&servers, OffsetDateTime::now_utc().unix_timestamp()).await),
        Err(error) => checks.push(Check::failed("turn", format!("{error:#}"), "put the secret into the environment")),
    }
    let (models, loaded) = tokio::task::spawn_blocking(move || {
        let models = providers::models(&config, true);
        let loaded = (models.verdict != Verdict::Failed).then(|| Providers::load(&config));
        (models, loaded)
    })
    .await?;
    checks.push(models);
    match loaded {
        Some(Ok(loaded)) => checks.extend(providers::providers(loaded.for_call(None)).await),
        Some(Err(error)) => {
            let advice = "look at [models] and [llm] in the configuration";
            checks.push(Check::failed("language_model", format!("{error:#}"), advice));
        }
        None => checks.push(Check::skipped("language_model", "nothing is asked without models")),
    }
    Ok(Report::of(candidates, checks))
}

async fn stored(config: &Config) -> Vec<Check> {
    let (url, data) = (&config.server.database, &config.server.data_dir);
    if url.get().is_none() && !database::file(data).exists() {
        return vec![Check::skipped(
            "database",
            format!("{} is made at the first start", database::file(data).display()),
        )];
    }
    match database::open(url, data).await {
        Ok(store) => {
            let checks = machine::database(&*store, url.kind()).await;
            store.close().await;
            checks
        }
        Err(error) => {
            let advice = "start the database, or correct --database, RINGLINE_DATABASE or server.database";
            vec![Check::failed("database", format!("{error:#}"), advice)]
        }
    }
}

/// Opens the media port as a server would and asks it from outside itself; one that is taken is asked as it is.
async fn ports(config: &Config) -> (Vec<String>, Vec<Check>) {
    let udp = config.media.udp;
    let wanted = HubConfig { advertise: config.media.advertise.clone(), ..HubConfig::new(udp) };
    let shown = |candidates: &[SocketAddr]| candidates.iter().map(ToString::to_string).collect();
    match Hub::bind(wanted).await {
        Ok(hub) => {
            let checks = network::candidates(hub.candidates(), hub.serves_tcp()).await;
            (shown(hub.candidates()), checks)
        }
        Err(RtcError::Socket { source, .. }) if source.kind() == std::io::ErrorKind::AddrInUse => {
            let ip = if udp.ip().is_unspecified() { std::net::Ipv4Addr::LOCALHOST.into() } else { udp.ip() };
            let candidates = [SocketAddr::new(ip, udp.port())];
            (shown(&candidates), network::candidates(&candidates, true).await)
        }
        Err(error) => {
            let advice = "correct media.udp (--udp): an address of this machine, and a port that is free";
            (Vec::new(), vec![Check::failed("udp", format!("{udp} cannot be used: {error}"), advice)])
        }
    }
}

/// A running server as it is seen from here, and as it sees itself.
async fn from_afar(url: &str, token: Option<&str>) -> anyhow::Result<Report> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let answer = match client.get(format!("{url}/api/ringline/v1/info")).send().await {
        Ok(answer) if answer.status().is_success() => answer,
        Ok(answer) => return Ok(unreachable(url, &format!("it answers {}", answer.status()))),
        Err(error) => return Ok(unreachable(url, &format!("{:#}", anyhow::Error::from(error.without_url())))),
    };
    let mut checks = vec![Check::ok("http", format!("{url} answers"))];
    let date = answer.headers().get(DATE).and_then(|value| value.to_str().ok());
    checks.push(match date.and_then(|text| OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()) {
        Some(date) => machine::clock("the server", date.unix_timestamp() * 1000 + 500, machine::now_ms()),
        None => Check::skipped("clock", "the server's answer has no Date"),
    });
    let Some(token) = token else {
        let what =
            "without --admin-token or RINGLINE_ADMIN_TOKEN the server does not say where its media is, nor how it is";
        checks.push(Check::skipped("udp", what));
        return Ok(Report::of(Vec::new(), checks));
    };
    let path = format!("{url}{}/doctor", crate::doors::admin::PATH);
    let own = client.get(path).bearer_auth(token).timeout(LOOK).send().await.context("the server's own report")?;
    if !own.status().is_success() {
        bail!("the server's own report: it answers {}; is the admin token right?", own.status());
    }
    let own: Report = own.json().await.context("the server's own report")?;
    let candidates: Vec<SocketAddr> = own.candidates.iter().filter_map(|text| text.parse().ok()).collect();
    let from_here = network::candidates(&candidates, true).await;
    // One way is enough.
    let any = from_here.iter().any(|check| check.verdict == Verdict::Ok);
    checks.extend(from_here.into_iter().map(|check| from_outside(check, any)));
    let of_server = own.checks.into_iter().map(|check| Check { name: format!("server: {}", check.name), ..check });
    checks.extend(of_server);
    Ok(Report::of(own.candidates, checks))
}

/// From here it is what counts, where our own router need not lead us back.
fn from_outside(check: Check, another_way: bool) -> Check {
    if check.verdict == Verdict::Ok {
        return check;
    }
    let advice =
        "lead this port to the server: its firewall, its router; is media.advertise an address seen from here?";
    let verdict = if another_way { Verdict::Warning } else { Verdict::Failed };
    Check { verdict, advice: Some(advice.to_owned()), ..check }
}

fn unreachable(url: &str, why: &str) -> Report {
    let advice = "is the server running, the address right, a proxy in between?";
    Report::of(Vec::new(), vec![Check::failed("http", format!("{url}: {why}"), advice)])
}

fn table(report: &Report) -> String {
    let mut out = String::new();
    for check in &report.checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "WARNING",
            Verdict::Failed => "FAILED",
            Verdict::Skipped => "-",
        };
        out.push_str(&format!("{verdict:<8} {:<16} {}\n", check.name, check.found));
        if let Some(advice) = &check.advice {
            out.push_str(&format!("{:<25} → {advice}\n", ""));
        }
    }
    out.push_str(if report.ok { "\nNothing is in the way of a call.\n" } else { "\nSomething failed: see above.\n" });
    out
}
