//! Parameters (server-api §1): query, form and JSON body of any content, through every operation's parser and the
//! demo apps' JSON bodies. What is read obeys its limits; what is refused is the caller's error, named.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringline_model::AgentKind;
use ringline_protocol::auth::SignedRequest;
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{CallOptions, MAX_EXPIRE, Operation, Request, VERSION};
use ringline_protocol::params::Params;
use ringline_protocol::{app_server, query, signaling};
use serde_json::{Value, json};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// The query, an empty line, and the body: a form, or something else.
    Form(&'a str),
    Other(&'a str),
    Pairs(Vec<(Name, &'a str)>),
    Json(&'a [u8]),
}

/// Parameters that some operation reads.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Name {
    AIAgentId,
    InstanceId,
    SessionId,
    UserId,
    Expire,
    AgentConfig,
    TemplateConfig,
    RuntimeConfig,
    ChatSyncConfig,
    UserData,
    Text,
    Type,
    EnableInterrupt,
    Message,
    StartTime,
    EndTime,
    PageNumber,
    PageSize,
    RoundLimit,
    DialogueId,
    Order,
}

fuzz_target!(|input: Input<'_>| match input {
    Input::Form(text) | Input::Other(text) => {
        let (query, body) = text.split_once("\n\n").unwrap_or((text, ""));
        wire(query, matches!(input, Input::Form(_)), body.as_bytes());
    }
    Input::Pairs(pairs) => {
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (format!("{name:?}"), *value)).take(100).collect();
        let text = query::canonical(pairs.iter().map(|(name, value)| (name.as_str(), *value)));
        wire(&text, false, b"");
        // The same in a form and in JSON means the same.
        let params = read(&text, false, b"").expect("our own query decodes");
        assert_eq!(read("", true, text.as_bytes()), Ok(params.clone()));
        let mut object = serde_json::Map::new();
        for (name, value) in query::decode(text.as_bytes()).expect("our own query decodes") {
            object.entry(name).or_insert(Value::String(value));
        }
        assert_eq!(read("", false, json!(object).to_string().as_bytes()), Ok(params.clone()));
        // The query wins.
        assert_eq!(read(&text, true, b"Text=lost&Expire=lost").map(|p| operations(&p)), {
            let mut both = pairs.clone();
            both.extend([("Text".to_owned(), "lost"), ("Expire".to_owned(), "lost")]);
            let text = query::canonical(both.iter().map(|(name, value)| (name.as_str(), *value)));
            read(&text, false, b"").map(|p| operations(&p))
        });
    }
    Input::Json(body) => bodies(body),
});

fn wire(query: &str, form: bool, body: &[u8]) {
    match read(query, form, body) {
        Err(error) => refused(&error),
        Ok(params) => {
            let outcomes = operations(&params);
            assert_eq!(operations(&params), outcomes);
        }
    }
}

fn read(query: &str, form: bool, body: &[u8]) -> Result<Params, ApiError> {
    let content_type = if form { "application/x-www-form-urlencoded; charset=UTF-8" } else { "application/json" };
    Params::read(&SignedRequest { method: "POST", path: "/", query, headers: &[("content-type", content_type)], body })
}

fn operations(params: &Params) -> Vec<Result<Request, ApiError>> {
    if let Ok(options) = CallOptions::parse(params) {
        assert!((1..=MAX_EXPIRE).contains(&options.expire));
        for kind in [AgentKind::VoiceChat, AgentKind::AvatarChat3D, AgentKind::VisionChat, AgentKind::VideoChat] {
            match options.effective(&json!({"Greeting": "Hello", "AsrConfig": {"AsrHotWords": ["a"]}}), kind) {
                Ok(effective) => assert!(effective.json.is_object()),
                Err(error) => refused(&error),
            }
        }
    }
    let all = Operation::ALL.iter().map(|operation| {
        assert_eq!(Operation::from_name(operation.name(), VERSION), Ok(*operation));
        let outcome = Request::parse(*operation, params);
        if let Err(error) = &outcome {
            refused(error);
        }
        outcome
    });
    all.collect()
}

/// A caller's error: a client status, a code and words.
fn refused(error: &ApiError) {
    assert!((400..500).contains(&error.status), "{error}");
    assert!(!error.code.is_empty() && !error.message.is_empty());
    let envelope = error.envelope("0F5E", "localhost", "http://localhost");
    assert_eq!(envelope["Code"], json!(error.code));
}

/// The JSON doors read or refuse anything.
fn bodies(body: &[u8]) {
    macro_rules! parse {
        ($($name:ident),+) => {$(
            if let Err(refusal) = app_server::$name::parse(body) {
                assert!(refusal.body("0F5E").is_object());
            }
        )+};
    }
    parse!(
        GetRtcAuthToken,
        GenerateAIAgentCall,
        StopAIAgentInstance,
        UpdateAIAgentInstance,
        DescribeAIAgentInstance,
        DescribeAIAgent
    );
    if let Err(error) = signaling::JoinRequest::parse(body) {
        assert!(!error.to_string().is_empty());
    }
    wire("", false, body);
}
