//! Tools of a language model, as values: what it may call, and what it called.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A tool that a language model is offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolDefinition {
    pub name: String,
    pub description: String,
    /// JSON schema of the arguments.
    pub parameters: Value,
}

/// One call of a tool by the language model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's own id, unique within an answer.
    pub id: String,
    pub name: String,
    /// A JSON object as text, as the model wrote it.
    pub arguments: String,
    /// What came of it, for the model; empty until it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub result: String,
}
