//! A configuration's JSON Schema, written down while an example is read: every range stands once, where it is checked.

use serde_json::{Map, Value, json};
use std::cell::RefCell;

/// What has been asked for so far. Paths have dots between their fields; inside a list they go on with its entries' fields.
#[derive(Debug)]
pub(crate) struct Notes(RefCell<Value>);

impl Default for Notes {
    fn default() -> Self {
        Self(RefCell::new(json!({"type": "object"})))
    }
}

impl Notes {
    /// The later note of a field holds, but an object or a list keeps what is known of its fields.
    pub fn note(&self, path: &str, schema: Value) {
        let mut root = self.0.borrow_mut();
        let place = place(&mut root, path);
        let is_known = place.get("properties").is_some() || place.pointer("/items/properties").is_some();
        if !is_known || schema.pointer("/items/properties").is_some() {
            *place = schema;
        }
    }

    pub fn require(&self, path: &str, field: &str) {
        let mut root = self.0.borrow_mut();
        let required = &mut fields_of(place(&mut root, path))["required"];
        let mut names: Vec<Value> = required.as_array().cloned().unwrap_or_default();
        if !names.iter().any(|name| name == field) {
            names.push(field.into());
        }
        *required = Value::Array(names);
    }

    pub fn remark(&self, path: &str, text: &str) {
        place(&mut self.0.borrow_mut(), path)["description"] = text.into();
    }

    pub fn schema(self) -> Value {
        self.0.into_inner()
    }
}

fn place<'v>(root: &'v mut Value, path: &str) -> &'v mut Value {
    path.split('.').filter(|field| !field.is_empty()).fold(root, |at, field| {
        let properties = fields_of(at).as_object_mut().expect("a schema is an object").entry("properties");
        &mut properties.or_insert_with(|| Value::Object(Map::new()))[field]
    })
}

/// The object schema that a schema is about: itself, or its entries'.
fn fields_of(schema: &mut Value) -> &mut Value {
    if schema.get("items").is_some() { &mut schema["items"] } else { schema }
}

/// Something of everything that is read only where it is there.
pub(crate) fn example() -> Value {
    let messages = json!([{"Text": "Are you there?", "Probability": 1}]);
    json!({
        "BackChannelingConfigs": [{"Words": [{"Text": "mm-hm"}]}],
        "AutoSpeechConfig": {
            "UserIdle": {"WaitTime": 5000, "MaxRepeats": 0, "Messages": messages},
            "LlmPending": {"WaitTime": 500, "Messages": messages},
        },
    })
}

#[cfg(test)]
mod tests {
    use crate::AgentConfig;
    use serde_json::json;

    #[test]
    fn every_field_has_the_range_it_is_checked_with() {
        let schema = AgentConfig::schema();
        let at = |path: &str| schema.pointer(&format!("/properties/{path}")).unwrap_or_else(|| panic!("{path}"));
        assert_eq!(at("Greeting"), &json!({"type": "string", "maxLength": 2048}));
        assert_eq!(at("MaxIdleTime"), &json!({"type": "integer", "minimum": 1, "maximum": 86_400}));
        let asr = "AsrConfig/properties";
        assert_eq!(at(&format!("{asr}/VadDuration/anyOf/1/minimum")), 200);
        assert_eq!(at(&format!("{asr}/AsrHotWords/items/minLength")), 1);
        let turn = "TurnDetectionConfig/properties";
        assert_eq!(at(&format!("{turn}/Mode/enum")), &json!(["Normal", "Semantic"]));
        let idle = "AutoSpeechConfig/properties/UserIdle";
        assert_eq!(at(&format!("{idle}/required")), &json!(["WaitTime", "MaxRepeats"]));
        assert_eq!(at(&format!("{idle}/properties/Messages/maxItems")), 10);
        assert_eq!(at(&format!("{idle}/properties/Messages/items/required")), &json!(["Text"]));
        let words = "BackChannelingConfigs/items/properties/Words/items/properties";
        assert_eq!(at(&format!("{words}/Text/maxLength")), 20);
        assert_eq!(at("VcrConfig/properties/LookAway/properties/CallbackDelay/minimum"), 200);
        assert_eq!(at("TtsConfig/properties/UnspokenBrackets/items/enum/1"), "()");
    }
}
