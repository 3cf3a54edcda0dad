//! Providers of agents that have their own (`settings.providers`), made when a call first needs them, and kept while the
//! agent's settings stay the same.

use crate::outward::Outward;
use crate::providers::{Lists, ProviderError, Reach};
use ringline_model::{AgentId, ProviderSettings};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// More are not kept: at one more all are made anew when they are needed.
const KEPT: usize = 256;

pub struct AgentProviders {
    outward: Outward,
    kept: Mutex<HashMap<AgentId, Kept>>,
}

struct Kept {
    settings: ProviderSettings,
    lists: Arc<Lists>,
}

impl AgentProviders {
    pub fn new(outward: Outward) -> Self {
        Self { outward, kept: Mutex::default() }
    }

    /// The agent's own providers for a call that starts now; none: the server's. Call inside the runtime.
    pub fn of(&self, agent: &AgentId, settings: &ProviderSettings) -> Result<Option<Arc<Lists>>, ProviderError> {
        if settings.is_empty() {
            return Ok(None);
        }
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(known) = kept.get(agent).filter(|known| known.settings == *settings) {
            return Ok(Some(known.lists.clone()));
        }
        let lists = Arc::new(Lists::make(settings, &Reach::Outward(&self.outward))?);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(agent.clone(), Kept { settings: settings.clone(), lists: lists.clone() });
        Ok(Some(lists))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use ringline_model::{ProviderKind, ProviderNode};

    fn settings(url: &str, api_key: &str) -> ProviderSettings {
        let node = ProviderNode {
            url: url.into(),
            model: "m".into(),
            api_key: api_key.into(),
            ..ProviderNode::of(ProviderKind::Openai)
        };
        ProviderSettings { llm: vec![node], ..ProviderSettings::default() }
    }

    fn providers(allowed: &[&str]) -> AgentProviders {
        let mut config = Config::load(None).expect("defaults").outward;
        config.allow = allowed.iter().map(|range| range.parse().expect("a range")).collect();
        AgentProviders::new(Outward::new(&config).expect("a client"))
    }

    #[tokio::test]
    async fn providers_are_kept_until_their_settings_change_and_only_so_many_are() {
        let providers = providers(&[]);
        let agent = |n: usize| AgentId::parse(format!("a{n}")).expect("an id");
        let of = |n, key| {
            let made = providers.of(&agent(n), &settings("https://llm.example/v1", key)).expect("made");
            made.expect("its own")
        };
        let first = of(0, "k");
        assert!(Arc::ptr_eq(&first, &of(0, "k")));
        assert!(!Arc::ptr_eq(&first, &of(0, "other")));
        for n in 0..2 * KEPT {
            of(n, "k");
        }
        assert!(providers.kept.lock().expect("not poisoned").len() <= KEPT);
        assert!(providers.of(&agent(0), &ProviderSettings::default()).expect("none").is_none());
    }

    #[tokio::test]
    async fn an_address_of_the_operators_network_has_to_be_allowed() {
        let agent = AgentId::parse("a").expect("an id");
        let mut private = settings("http://127.0.0.1:9000/v1", "");
        let socket = ProviderNode { url: "ws://127.0.0.1:9000".into(), ..ProviderNode::default() };
        private.asr = vec![socket];
        let refused = providers(&[]).of(&agent, &private);
        assert!(matches!(refused, Err(ProviderError::Address { node: "asr", .. })));
        assert!(providers(&["127.0.0.0/8"]).of(&agent, &private).is_ok());
    }

    #[tokio::test]
    async fn a_key_that_is_not_in_the_environment_is_named() {
        let mut settings = settings("https://llm.example/v1", "");
        settings.llm[0].api_key_env = "NO_SUCH_API_KEY".into();
        let error = providers(&[]).of(&AgentId::parse("a").expect("an id"), &settings).err().expect("no key");
        assert!(error.to_string().contains("NO_SUCH_API_KEY"), "{error}");
    }
}
