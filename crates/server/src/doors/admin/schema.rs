//! What an agent can be, as a JSON Schema: for pages that check what is typed before it is sent.
//!
//! The configuration's ranges stand where they are checked ([`AgentConfig::schema`]), those of the rest at the fields of the
//! admin API's own document. What a schema cannot say (that an address may be called, that two entries differ) the server says
//! when the agent is written.

use super::document::Admin;
use super::refusal::Refusal;
use axum::Json;
use ringline_model::AgentConfig;
use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;

const COMPONENTS: &str = "#/components/schemas/";

/// Read what an agent can be
///
/// A JSON Schema (2020-12) of the agent as it is written. `properties.config` is the `AIAgentConfig`, with its ranges; texts for
/// numbers and booleans, empty texts and null for what is not set are taken besides.
#[utoipa::path(get, path = "/agents/schema", tag = "agents", operation_id = "read_agent_schema", responses(
    (status = 200, description = "The schema", body = Object),
    (status = 401, description = "No or another token", body = Refusal),
))]
pub async fn agent() -> Json<Value> {
    Json(schema())
}

fn schema() -> Value {
    let document = serde_json::to_value(Admin::openapi()).expect("the document is JSON");
    let mut definitions = Map::new();
    define("Agent", &document, &mut definitions);
    let mut agent = definitions.remove("Agent").expect("it is in the document");
    agent["properties"]["config"] = AgentConfig::schema();
    agent["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    agent["$defs"] = Value::Object(definitions);
    agent
}

/// Takes over a component with all it refers to.
fn define(name: &str, document: &Value, definitions: &mut Map<String, Value>) {
    if definitions.contains_key(name) {
        return;
    }
    let mut component = document["components"]["schemas"][name].clone();
    let mut others = Vec::new();
    point_inside(&mut component, &mut others);
    definitions.insert(name.to_owned(), component);
    others.iter().for_each(|other| define(other, document, definitions));
}

fn point_inside(value: &mut Value, names: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get_mut("$ref")
                && let Some(name) = reference.strip_prefix(COMPONENTS).map(str::to_owned)
            {
                *reference = format!("#/$defs/{name}");
                names.push(name);
            }
            object.values_mut().for_each(|value| point_inside(value, names));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| point_inside(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_refers_to_nothing_outside_of_it() {
        let schema = schema();
        let mut references = Vec::new();
        point_inside(&mut schema.clone(), &mut references);
        assert!(references.is_empty(), "{references:?}");
        assert!(!schema.to_string().contains(COMPONENTS));
        assert_eq!(schema["properties"]["config"]["properties"]["Volume"]["maximum"], 400);
        assert_eq!(schema["$defs"]["Callbacks"]["properties"]["url"]["maxLength"], 2048);
    }
}
