//! Reading one field of a configuration: leniently (server-api §1.3), within its limits, and with its path in the error.

use crate::ConfigError;
use crate::config::{BuiltIn, MappedFunction, SeedMessage};
use serde_json::Value;

/// Entries of `FunctionMap`.
const MAX_FUNCTIONS: usize = 16;

/// What OpenAI takes as the name of a tool.
fn is_tool_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}

/// Reads fields leniently and knows the path for the message.
pub(crate) struct Reader<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Reader<'a> {
    /// What stands at `path`.
    pub fn at(value: &'a Value, path: &str) -> Self {
        Self { value, path: path.to_owned() }
    }

    /// The entries of a list; none if it is not set.
    pub fn items(&self, field: &str, most: usize) -> Result<&'a [Value], ConfigError> {
        match self.value.get(field) {
            None | Some(Value::Null) => Ok(&[]),
            Some(Value::Array(items)) if items.len() <= most => Ok(items),
            Some(Value::Array(items)) => {
                Err(self.wrong(field, format!("has {} entries, at most {most} are allowed", items.len())))
            }
            Some(_) => Err(self.wrong(field, "must be a list")),
        }
    }

    pub fn wrong(&self, field: &str, reason: impl Into<String>) -> ConfigError {
        let dot = if self.path.is_empty() || field.is_empty() { "" } else { "." };
        ConfigError { field: format!("{}{dot}{field}", self.path), reason: reason.into() }
    }

    pub fn object(&self) -> Result<(), ConfigError> {
        match self.value {
            Value::Object(_) | Value::Null => Ok(()),
            _ => Err(self.wrong("", "must be an object")),
        }
    }

    pub fn get(&self, field: &str) -> Option<&Value> {
        self.value.get(field).filter(|v| !v.is_null())
    }

    pub fn child(&self, field: &str) -> Result<Reader<'a>, ConfigError> {
        let dot = if self.path.is_empty() { "" } else { "." };
        let path = format!("{}{dot}{field}", self.path);
        let child = Reader { value: self.value.get(field).unwrap_or(&Value::Null), path };
        child.object()?;
        Ok(child)
    }

    pub fn text(&self, field: &str, most: usize) -> Result<Option<String>, ConfigError> {
        let text = match self.get(field) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(self.wrong(field, "must be a text")),
        };
        match text.chars().count() {
            n if n > most => Err(self.wrong(field, format!("has {n} characters, at most {most} are allowed"))),
            _ => Ok(Some(text)),
        }
    }

    pub fn texts(&self, field: &str, most: usize, longest: usize) -> Result<Vec<String>, ConfigError> {
        self.items(field, most)?
            .iter()
            .map(|item| match item.as_str() {
                Some(text) if text.chars().count() <= longest => Ok(text.to_owned()),
                Some(_) => Err(self.wrong(field, format!("an entry has more than {longest} characters"))),
                None => Err(self.wrong(field, "must be a list of texts")),
            })
            .collect()
    }

    /// Like [`Self::texts`], none of them empty.
    pub fn words(&self, field: &str, most: usize, longest: usize) -> Result<Vec<String>, ConfigError> {
        let words = self.texts(field, most, longest)?;
        if words.iter().any(String::is_empty) { Err(self.wrong(field, "an entry is empty")) } else { Ok(words) }
    }

    pub fn number(&self, field: &str, least: f64, most: f64) -> Result<Option<f64>, ConfigError> {
        let number = match self.get(field) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match number {
            Some(n) if (least..=most).contains(&n) => Ok(Some(n)),
            Some(n) => Err(self.wrong(field, format!("{n} is outside {least}..{most}"))),
            None => Err(self.wrong(field, "must be a number")),
        }
    }

    pub fn integer(&self, field: &str, least: u32, most: u32) -> Result<Option<u32>, ConfigError> {
        match self.number(field, f64::from(least), f64::from(most))? {
            Some(n) if n.fract() != 0.0 => Err(self.wrong(field, "must be a whole number")),
            Some(n) => Ok(Some(n as u32)),
            None => Ok(None),
        }
    }

    pub fn boolean(&self, field: &str) -> Result<Option<bool>, ConfigError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(self.wrong(field, "must be true or false")),
        }
    }

    pub fn function_map(&self) -> Result<Vec<MappedFunction>, ConfigError> {
        const FIELD: &str = "FunctionMap";
        self.items(FIELD, MAX_FUNCTIONS)?
            .iter()
            .map(|item| match (item["Function"].as_str(), item["MatchFunction"].as_str()) {
                (Some("hangup"), Some(name)) if is_tool_name(name) => {
                    Ok(MappedFunction { name: name.to_owned(), function: BuiltIn::HangUp })
                }
                (Some("hangup"), _) => {
                    Err(self.wrong(FIELD, "every `MatchFunction` has 1..64 letters, digits, `_` or `-`"))
                }
                _ => Err(self.wrong(FIELD, "the only `Function` is `hangup`")),
            })
            .collect()
    }

    pub fn seed_messages(&self, field: &str) -> Result<Vec<SeedMessage>, ConfigError> {
        self.items(field, 100)?
            .iter()
            .map(|item| match (item["Role"].as_str(), item["Content"].as_str()) {
                (Some(role), Some(content)) => Ok(SeedMessage { role: role.to_owned(), content: content.to_owned() }),
                _ => Err(self.wrong(field, "every entry needs a text `Role` and a text `Content`")),
            })
            .collect()
    }
}
