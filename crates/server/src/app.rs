//! What the doors share.

use crate::agents::AgentProviders;
use crate::callbacks::{Reporter, Wake};
use crate::calls::{CallHandle, Calls, Configured, NewCall, SentenceRecords, StartError};
use crate::config::Config;
use crate::doors::admin::Admin;
use crate::mcp::{CallTools, McpServers};
use crate::metrics::METRICS;
use crate::operations::Operations;
use crate::outward::{Outward, OutwardError};
use crate::providers::{CallProviders, Lists, Providers};
use crate::recording::Recordings;
use crate::session;
use crate::voiceprints::Voiceprints;
use ringline_conversation::{Message, Setup};
use ringline_model::{AgentConfig, AgentId, ChannelId, InstanceId, RtcApp, SessionId, UserId};
use ringline_protocol::callback::{Happened, StopReason};
use ringline_protocol::error::ApiError;
use ringline_protocol::nonce::NonceMemory;
use ringline_protocol::openapi::CallOptions;
use ringline_protocol::supervisor::{SupervisorToken, SupervisorTokenError};
use ringline_protocol::token::{ChannelToken, TokenError};
use ringline_store::{AgentRecord, InstanceRecord, InstanceStatus, Store, StoreError};
use serde_json::json;
use std::sync::{Arc, Mutex};
use time::OffsetDateTime;

pub struct App {
    pub config: Config,
    pub store: Arc<dyn Store>,
    pub calls: Calls,
    pub providers: Arc<Providers>,
    /// For addresses that callers name.
    pub outward: Outward,
    pub voiceprints: Voiceprints,
    pub recordings: Recordings,
    pub agent_providers: AgentProviders,
    pub mcp: McpServers,
    pub admin: Admin,
    pub operations: Operations,
    /// Tells the dispatcher of callbacks that there are new ones.
    pub wake: Wake,
    pub nonces: Mutex<NonceMemory>,
    /// Id and key that channel tokens are made with, unless the agent has its own.
    pub rtc_app: RtcApp,
}

/// Where a call takes place.
pub(crate) struct Site {
    pub channel: ChannelId,
    /// None: whoever joins first.
    pub user: Option<UserId>,
    pub agent_user: UserId,
    /// What tokens of the call are made with.
    pub rtc_app: RtcApp,
    pub rtc_url: String,
}

impl App {
    pub fn now_ms() -> i64 {
        (OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64
    }

    pub fn now_s() -> i64 {
        OffsetDateTime::now_utc().unix_timestamp()
    }

    /// A channel id nobody has.
    pub fn new_channel() -> ChannelId {
        fresh(ChannelId::parse)
    }

    /// The base of our URLs as clients reach us.
    pub fn base_url(&self, host: Option<&str>) -> String {
        match host {
            Some(host) => self.config.base_url(host),
            None => self.config.base_url(&self.config.server.listen.to_string()),
        }
    }

    /// Where clients connect; `base_url` is where the caller reached us.
    pub fn rtc_url(base_url: &str) -> String {
        format!("{base_url}{}", crate::doors::signaling::PATH)
    }

    /// Mints a channel token for a user, and its expiry in Unix seconds; of a running call's channel with its agent's app.
    /// `expire` in s.
    pub fn token(&self, channel: &ChannelId, user: &UserId, expire: u32, base_url: &str) -> (String, i64) {
        if let Some(call) = self.calls.on_channel(channel) {
            return call.token(user, expire, Self::now_s());
        }
        let expires = Self::now_s() + i64::from(expire);
        let token = ChannelToken {
            app_id: self.rtc_app.id.clone(),
            channel: channel.clone(),
            user: user.clone(),
            nonce: String::new(),
            expires,
            rtc_url: Some(Self::rtc_url(base_url)),
            ice_servers: self.calls.ice_servers().for_user(user, expires),
        };
        (token.mint(self.rtc_app.key.reveal()), expires)
    }

    /// Reads and checks a channel token. A running call's tokens are made with its agent's app, all others with ours.
    pub fn open_token(&self, text: &str) -> Result<ChannelToken, TokenError> {
        let call = self.calls.on_channel(&ChannelToken::peek(text)?.channel);
        let app = call.as_ref().map_or(&self.rtc_app, |call| &call.rtc_app);
        ChannelToken::open(text, &app.id, app.key.reveal(), Self::now_s())
    }

    /// Reads and checks a supervisor's token; it is for one call, and good while that runs.
    pub fn open_supervisor_token(&self, text: &str) -> Result<SupervisorToken, SupervisorTokenError> {
        SupervisorToken::open(text, self.rtc_app.key.reveal(), Self::now_s())
    }

    pub async fn agent(&self, agent: &AgentId) -> Result<AgentRecord, ApiError> {
        self.store.agent(agent).await.map_err(|e| internal(&e))?.ok_or_else(ApiError::agent_not_found)
    }

    /// Stores an instance and starts its call; the ways a call starts (`start.rs`) differ in where it takes place.
    pub(crate) async fn launch(
        &self,
        agent: AgentRecord,
        options: CallOptions,
        site: Site,
    ) -> Result<Arc<CallHandle>, ApiError> {
        self.calls.admit(&site.channel).map_err(|e| refused(&e))?;
        let effective = options.effective(&agent.settings.base(&agent.config), agent.kind)?;
        if let Some(url) = &effective.config.pre_connect_audio_url {
            let refuse = |why: OutwardError| ApiError::invalid_parameter("PreConnectAudioUrl", &why.to_string());
            self.outward.check(url).map_err(refuse)?;
        }
        let (providers, tools) = (self.own_providers(&agent)?, self.tools(&agent));
        let recorded = agent.settings.recording.records(self.config.recording.enabled);
        let history = self.history(options.session.as_ref(), effective.config.llm.history_limit).await?;
        let voiceprint = self.voiceprint(&effective.config).await?;
        let setup = Setup { config: effective.config, history, seed: rand::random() };
        let session = options.session.unwrap_or_else(|| fresh(SessionId::parse));
        let Site { channel, user, agent_user, rtc_app, rtc_url } = site;
        let created_ms = Self::now_ms();
        let instance = fresh(InstanceId::parse);
        let record = InstanceRecord {
            id: instance.clone(),
            agent: agent.id.clone(),
            channel: channel.clone(),
            user: user.clone(),
            agent_user: agent_user.clone(),
            session: session.clone(),
            status: InstanceStatus::Created,
            config: effective.json.clone(),
            template: options.template_config.clone(),
            runtime: json!({"ChannelId": channel, "AgentUserId": agent_user}),
            user_data: options.user_data.clone(),
            setup: serde_json::to_value(&setup).map_err(|error| {
                tracing::error!(%error, "a setup does not serialise");
                ApiError::internal()
            })?,
            created_ms,
            modified_ms: created_ms,
            started_ms: None,
            ended_ms: None,
            end_reason: None,
            recordings: None,
        };
        let reporter = Reporter::new(&agent.settings.callbacks, agent.id.clone(), instance.clone(), channel.clone());
        let told = reporter.report(&Happened::AgentStart, options.user_data.as_deref(), created_ms);
        self.store.create_instance(&record, told.as_slice()).await.map_err(|e| internal(&e))?;
        if told.is_some() {
            self.wake.wake();
        }
        let sentences = (recorded && agent.settings.recording.sentences).then(|| {
            let callbacks = agent.settings.recording_callbacks();
            let reporter = Reporter::new(&callbacks, agent.id.clone(), instance.clone(), channel.clone());
            let base_url = rtc_url.strip_suffix(crate::doors::signaling::PATH).unwrap_or(&rtc_url).to_owned();
            let (key, life) = (self.rtc_app.key.clone(), self.config.recording.url_life);
            SentenceRecords::new(reporter, instance.clone(), base_url, key, life)
        });
        let (unstarted, user_data) = (reporter.clone(), options.user_data.clone());
        let configured = Configured { kind: agent.kind, json: effective.json, template: options.template_config };
        let call = NewCall {
            instance: instance.clone(),
            agent: agent.id,
            channel,
            user,
            agent_user,
            session,
            user_data: options.user_data,
            setup,
            configured,
            reporter,
            sentences,
            rtc_app,
            rtc_url,
            providers,
            tools,
            ambient_sounds: agent.settings.ambient_sounds,
            recorded,
            voiceprint,
            created_ms,
        };
        match self.calls.start(call) {
            Ok(handle) => Ok(handle),
            Err(error) => {
                let now_ms = Self::now_ms();
                let happened = Happened::AgentStop(StopReason::NotStarted);
                let told = unstarted.report(&happened, user_data.as_deref(), now_ms);
                let finished = self.store.finish_instance(&instance, "not_started", now_ms, told.as_slice()).await;
                finished.map_err(|e| internal(&e))?;
                self.wake.wake();
                Err(refused(&error))
            }
        }
    }

    /// The agent's own providers, if it has any.
    fn own_providers(&self, agent: &AgentRecord) -> Result<Option<Arc<Lists>>, ApiError> {
        self.agent_providers.of(&agent.id, &agent.settings.providers).map_err(|error| {
            tracing::error!(agent.id = %agent.id, %error, "the agent's providers");
            ApiError::internal()
        })
    }

    /// The recording of the voice that the configuration names, if there is one.
    async fn voiceprint(&self, config: &AgentConfig) -> Result<Option<Vec<u8>>, ApiError> {
        let Some((id, mode)) = config.voiceprint.registered() else { return Ok(None) };
        let record = self.store.voiceprint(id, mode).await.map_err(|e| internal(&e))?;
        Ok(record.map(|record| record.audio))
    }

    /// The agent's tool servers, if it has any. Those that cannot be used cost a call its tools and nothing else.
    fn tools(&self, agent: &AgentRecord) -> Option<Arc<CallTools>> {
        self.mcp.of(&agent.id, &agent.settings.mcp_servers).unwrap_or_else(|error| {
            tracing::error!(agent.id = %agent.id, %error, "the agent's tool servers");
            None
        })
    }

    /// What a call of this agent would listen, think and speak with.
    pub fn providers_of(&self, agent: &AgentRecord) -> Result<CallProviders, ApiError> {
        Ok(self.providers.for_call(self.own_providers(agent)?.as_deref()))
    }

    /// What the session's earlier calls left to know.
    async fn history(&self, session: Option<&SessionId>, turns: u32) -> Result<Vec<Message>, ApiError> {
        let Some(session) = session else { return Ok(Vec::new()) };
        let entries = self.store.session_turns(session, session::MAX_ENTRIES).await.map_err(|e| internal(&e))?;
        Ok(session::earlier(entries, turns))
    }
}

/// An id nobody has: 32 lower-case hex digits, as all the vendor's ids.
pub fn fresh<T>(parse: impl FnOnce(String) -> Result<T, ringline_model::IdError>) -> T {
    parse(uuid::Uuid::new_v4().simple().to_string()).expect("32 hex digits are an id")
}

/// A store failure: logged with its chain, told as an internal error; what the caller can mend is told in words.
pub fn internal(error: &StoreError) -> ApiError {
    match error {
        StoreError::TooLarge { what, size, limit } => {
            return ApiError::invalid_parameter(
                what,
                &format!("{size} bytes are too many, at most {limit} are allowed"),
            );
        }
        StoreError::Nul { what } => return ApiError::invalid_parameter(what, "it holds the character NUL"),
        _ => {}
    }
    let mut chain = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    tracing::error!(error = chain, "the store failed");
    ApiError::internal()
}

fn refused(error: &StartError) -> ApiError {
    METRICS.calls_refused.with_label_values(&[error.as_str()]).inc();
    match error {
        StartError::Full => ApiError::concurrency_limit_exceeded(),
        StartError::Draining => ApiError::unavailable(),
        StartError::ChannelBusy => ApiError::channel_busy(),
        StartError::Media(error) => {
            tracing::error!(%error, "a call could not be set up");
            ApiError::internal()
        }
    }
}
