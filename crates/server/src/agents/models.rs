//! Language models of agents that have their own (`settings.providers.llm`), each an OpenAI-compatible server.
//!
//! Made when a call first needs one, and kept while the agent's setting stays the same. Their addresses are an operator's
//! choice, but go by the rules for addresses all the same ([`crate::outward`]): private ones have to be allowed.

use crate::outward::{Outward, OutwardError};
use ringline_model::{AgentId, LlmNode};
use ringline_providers::LanguageModel;
use ringline_providers::openai::{OpenAiConfig, OpenAiError, OpenAiLanguageModel};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// More are not kept: at one more all are made anew when they are needed.
const KEPT: usize = 256;

/// Why an agent's language model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("its address may not be called")]
    Address(#[source] OutwardError),
    #[error("it cannot be used")]
    Client(#[from] OpenAiError),
}

pub struct AgentModels {
    outward: Outward,
    kept: Mutex<HashMap<AgentId, Kept>>,
}

struct Kept {
    node: LlmNode,
    model: Arc<dyn LanguageModel>,
}

impl AgentModels {
    pub fn new(outward: Outward) -> Self {
        Self { outward, kept: Mutex::default() }
    }

    /// The model of a call that starts now. Call inside the runtime.
    pub fn of(&self, agent: &AgentId, node: &LlmNode) -> Result<Arc<dyn LanguageModel>, ModelError> {
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = kept.get(agent).filter(|known| known.node == *node) {
            return Ok(known.model.clone());
        }
        let client = self.outward.client_for(&node.base_url).map_err(ModelError::Address)?;
        let api_key = (!node.api_key.is_empty()).then(|| node.api_key.reveal().to_owned());
        let config = OpenAiConfig { api_key, ..OpenAiConfig::new(&node.base_url, &node.model) };
        let model: Arc<dyn LanguageModel> =
            Arc::new(OpenAiLanguageModel::with_client(config, client, tokio::runtime::Handle::current())?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(agent.clone(), Kept { node: node.clone(), model: model.clone() });
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn node(url: &str, api_key: &str) -> LlmNode {
        LlmNode { base_url: url.into(), model: "m".into(), api_key: api_key.into() }
    }

    #[tokio::test]
    async fn a_model_is_kept_until_its_setting_changes_and_only_so_many_are() {
        let models = AgentModels::new(Outward::new(&Config::load(None).expect("defaults").outward).expect("a client"));
        let agent = |n: usize| AgentId::parse(format!("a{n}")).expect("an id");
        let of = |n, key| models.of(&agent(n), &node("https://llm.example/v1", key)).expect("a model");
        let first = of(0, "k");
        assert!(Arc::ptr_eq(&first, &of(0, "k")));
        assert!(!Arc::ptr_eq(&first, &of(0, "other")));
        for n in 0..2 * KEPT {
            of(n, "k");
        }
        assert!(models.kept.lock().expect("not poisoned").len() <= KEPT);
    }

    #[tokio::test]
    async fn an_address_of_the_operators_network_has_to_be_allowed() {
        let mut config = Config::load(None).expect("defaults");
        let agent = AgentId::parse("a").expect("an id");
        let refused = AgentModels::new(Outward::new(&config.outward).expect("a client"));
        assert!(matches!(refused.of(&agent, &node("http://127.0.0.1:9000/v1", "")), Err(ModelError::Address(_))));
        config.outward.allow = vec!["127.0.0.0/8".parse().expect("a range")];
        let allowed = AgentModels::new(Outward::new(&config.outward).expect("a client"));
        assert!(allowed.of(&agent, &node("http://127.0.0.1:9000/v1", "")).is_ok());
    }
}
