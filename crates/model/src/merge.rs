//! How configuration layers become one (server-api §6): the agent's, the request's template over it, the request over
//! both, as one pure function.

use crate::layer::normalise;
use crate::template::template_to_agent;
use crate::{AgentConfig, AgentKind, ConfigError};
use serde_json::{Map, Value};

/// An instance's configuration: the merged JSON that Describe echoes, and what it means.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectiveConfig {
    pub json: Value,
    pub config: AgentConfig,
}

/// Lays a request over what was in force: the agent's own configuration at a start, the instance's at an update.
/// `template` is the deprecated twin of `request`; what both set is as `request` has it, and what neither sets stays.
/// Objects are merged field by field, lists and scalars replaced. All three may come as they travelled.
///
/// A value that cannot be is an error that names it, if the request set it. Below the request such a value has been
/// stored by somebody else; it is left out, so that a caller is never told about a field that is not theirs.
pub fn merge(base: &Value, template: &Value, request: &Value, kind: AgentKind) -> Result<EffectiveConfig, ConfigError> {
    let asked = merge_layers([&template_to_agent(template, kind)?, &normalise(request)?]);
    let mut json = merge_layers([&normalise(base)?, &asked]);
    loop {
        match AgentConfig::from_json(&json) {
            Ok(config) => return Ok(EffectiveConfig { json, config }),
            Err(error) => {
                let path = known_part(&json, &error.field);
                if path.is_empty() || at(&asked, &path).is_some() {
                    return Err(error);
                }
                // What is left gets smaller each time.
                remove(&mut json, &path);
            }
        }
    }
}

/// Deep merge of normalised layers, later ones win; lists and scalars replace.
pub fn merge_layers<'a>(layers: impl IntoIterator<Item = &'a Value>) -> Value {
    let mut merged = Value::Object(Map::new());
    for layer in layers {
        merge_into(&mut merged, layer);
    }
    merged
}

pub(crate) fn merge_into(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge_into(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

/// The longest part of a dotted path that leads to something. `A.B[2].C` leads at most to the list `A.B`.
fn known_part<'a>(json: &Value, path: &'a str) -> Vec<&'a str> {
    let mut known = Vec::new();
    let mut value = json;
    for part in path.split('.') {
        let (name, element) = part.split_once('[').map_or((part, false), |(name, _)| (name, true));
        let Some(next) = value.get(name) else { break };
        known.push(name);
        value = next;
        if element {
            break;
        }
    }
    known
}

fn at<'a>(json: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(json, |value, name| value.get(name))
}

/// Takes a value out, and the groups that are empty without it.
fn remove(json: &mut Value, path: &[&str]) {
    let (Some((name, inner)), Value::Object(group)) = (path.split_first(), json) else { return };
    if let Some(value) = group.get_mut(*name) {
        remove(value, inner);
        if inner.is_empty() || value.as_object().is_some_and(Map::is_empty) {
            group.remove(*name);
        }
    }
}
