//! The agents of `ringline serve --agents FILE`: TOML or JSON by its extension, a list `agents` of what the admin API
//! takes, each with its id. They are stored at start: new ones made, known ones replaced (secrets that are left out stay),
//! unchanged ones left as they are. Agents that are not in the file are left alone.
//!
//! The file is checked whole before anything is stored. Limits: 4 MiB, 1,000 agents; beyond them the server does not start.

use super::{Agent, reachable};
use crate::mcp::McpServers;
use crate::outward::Outward;
use anyhow::{Context, bail, ensure};
use ringline_model::AgentId;
use ringline_store::{AgentRecord, Store};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

const MAX_BYTES: u64 = 4 << 20;
const MAX_AGENTS: usize = 1000;

/// Stores the agents of a file; how many were made or changed.
pub async fn apply(
    store: &dyn Store,
    outward: &Outward,
    mcp: &McpServers,
    path: &Path,
    now_ms: i64,
) -> anyhow::Result<usize> {
    let in_file = || format!("in the agents file {}", path.display());
    let read = async {
        let size = tokio::fs::metadata(path).await?.len();
        ensure!(size <= MAX_BYTES, "it has {size} bytes, at most {MAX_BYTES} are allowed");
        Ok(tokio::fs::read_to_string(path).await?)
    };
    let agents = parse(path, &read.await.with_context(in_file)?).with_context(in_file)?;
    let mut records = Vec::new();
    for (id, agent) in agents {
        let stored = store.agent(&id).await?;
        let in_agent = || format!("agent `{id}`");
        let record = agent.record(id.clone(), stored.as_ref(), now_ms).with_context(in_agent).with_context(in_file)?;
        reachable(outward, mcp, &record.settings).with_context(in_agent).with_context(in_file)?;
        if stored.as_ref() != Some(&record) {
            records.push(record);
        }
    }
    for record in &records {
        put(store, record).await.with_context(in_file)?;
    }
    Ok(records.len())
}

async fn put(store: &dyn Store, record: &AgentRecord) -> anyhow::Result<()> {
    store.put_agent(record).await.with_context(|| format!("agent `{}` cannot be stored", record.id))
}

/// The agents by their ids, in order.
fn parse(path: &Path, text: &str) -> anyhow::Result<Vec<(AgentId, Agent)>> {
    let file: Value = match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => toml::from_str(text).context("it is not valid TOML")?,
        Some("json") => serde_json::from_str(text).context("it is not valid JSON")?,
        _ => bail!("its name must end in .toml or .json"),
    };
    let Value::Object(mut file) = file else { bail!("it must hold an object") };
    let agents = match file.remove("agents") {
        Some(Value::Array(agents)) => agents,
        _ => bail!("`agents` must be a list"),
    };
    if let Some(key) = file.keys().next() {
        bail!("`{key}` is unknown; there is only `agents`");
    }
    ensure!(agents.len() <= MAX_AGENTS, "it lists {} agents, at most {MAX_AGENTS} are allowed", agents.len());
    let mut seen = BTreeSet::new();
    let agent = |(n, value): (usize, Value)| {
        let named = value.get("id").and_then(Value::as_str).map(str::to_owned);
        let which = || named.as_ref().map_or(format!("agent {}", n + 1), |id| format!("agent `{id}`"));
        let agent = Agent::read(value).with_context(which)?;
        let id = agent.id.clone().context("id: must be set").with_context(which)?;
        let id = AgentId::parse(id).context("id: cannot be one").with_context(which)?;
        ensure!(seen.insert(id.clone()), "agent `{id}` is there twice");
        Ok((id, agent))
    };
    agents.into_iter().enumerate().map(agent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use ringline_model::AgentKind;
    use ringline_store::SqliteStore;
    use serde_json::json;

    const EXAMPLE: &str = include_str!("../../../../config/agents.example.toml");

    fn fault(name: &str, text: &str) -> String {
        format!("{:#}", parse(Path::new(name), text).expect_err("cannot be"))
    }

    #[test]
    fn the_example_can_be_used_as_it_is() {
        let agents = parse(Path::new("agents.toml"), EXAMPLE).expect("valid");
        assert!(agents.len() > 1, "it shows more than one");
        for (id, agent) in agents {
            agent.record(id, None, 1).expect("valid");
        }
    }

    #[test]
    fn faults_name_the_agent_and_the_field() {
        for (text, parts) in [
            (r#"{"agents": [{"id": "a", "name": "A", "settings": {"voice": []}}]}"#, ["`a`", "settings", "voice"]),
            (r#"{"agents": [{"id": "a", "name": "A"}, {"name": "B"}]}"#, ["agent 2", "id", "must be set"]),
            (r#"{"agents": [{"id": "a b", "name": "A"}]}"#, ["`a b`", "id", "letters"]),
            (r#"{"agents": [{"id": "a", "name": "A"}, {"id": "a", "name": "B"}]}"#, ["`a`", "twice", ""]),
            (r#"{"agents": {}}"#, ["agents", "list", ""]),
            (r#"{"agents": [], "agent": []}"#, ["`agent`", "unknown", ""]),
            (r#"{"agents": [5]}"#, ["agent 1", "", ""]),
            ("{", ["JSON", "", ""]),
        ] {
            let fault = fault("agents.json", text);
            assert!(parts.iter().all(|part| fault.contains(part)), "{fault}");
        }
        assert!(fault("agents.toml", "agents = 1\nagents = 2").contains("TOML"));
        assert!(fault("agents.yaml", "").contains(".toml or .json"));
        let many = json!({"agents": vec![json!({}); MAX_AGENTS + 1]}).to_string();
        assert!(fault("agents.json", &many).contains("1000"));
    }

    #[tokio::test]
    async fn a_file_is_applied_once_and_again_without_a_change() {
        let directory = tempfile::tempdir().expect("a directory");
        let config = Config::load(None).expect("defaults");
        let outward = Outward::new(&config.outward).expect("a client");
        let mcp = McpServers::new(&config.mcp, outward.clone());
        let store = SqliteStore::open(&directory.path().join("db")).await.expect("a store");
        let path = directory.path().join("agents.json");
        let write = |agents: Value| std::fs::write(&path, json!({"agents": agents}).to_string()).expect("written");
        let id = AgentId::parse("a").expect("an id");

        write(json!([{"id": "a", "name": "A", "type": "VideoChat", "settings": {"app": {"id": "app", "key": "k"}}}]));
        assert_eq!(apply(&store, &outward, &mcp, &path, 1).await.expect("applied"), 1);
        assert_eq!(apply(&store, &outward, &mcp, &path, 2).await.expect("applied"), 0);
        let first = store.agent(&id).await.expect("read").expect("there");
        assert_eq!((first.kind, first.modified_ms), (AgentKind::VideoChat, 1));

        write(json!([{"id": "a", "name": "B", "settings": {"app": {"id": "app"}}}]));
        assert_eq!(apply(&store, &outward, &mcp, &path, 3).await.expect("applied"), 1);
        let second = store.agent(&id).await.expect("read").expect("there");
        assert_eq!((&*second.name, second.created_ms, second.modified_ms), ("B", 1, 3));
        assert_eq!(second.settings.app, first.settings.app, "the key was left out and stays");

        write(json!([{"id": "b", "name": "B"}, {"id": "a", "name": "A", "config": {"Volume": 401}}]));
        let fault = format!("{:#}", apply(&store, &outward, &mcp, &path, 4).await.expect_err("a fault"));
        assert!(["agents.json", "`a`", "config.Volume"].iter().all(|part| fault.contains(part)), "{fault}");
        assert_eq!(store.agents(None, 10).await.expect("read"), [second], "nothing of a file with a fault is stored");
    }
}
