//! Reading one field of a configuration: leniently (server-api §1.3), within its limits, and with its path in the error.

use crate::ConfigError;
use crate::config::{BuiltIn, MappedFunction, SeedMessage};
use crate::schema::Notes;
use serde_json::{Value, json};

/// Entries of `FunctionMap`.
const MAX_FUNCTIONS: usize = 16;

/// Entries of `LlmHistory`.
const MAX_MESSAGES: usize = 100;

/// What OpenAI takes as the name of a tool, and the same as a pattern.
const TOOL_NAME: &str = "^[A-Za-z0-9_-]{1,64}$";
fn is_tool_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}

/// "`a`, `b` or `c`"
fn listed(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Reads fields leniently and knows the path for the message.
pub(crate) struct Reader<'a> {
    value: &'a Value,
    path: String,
    /// Where it is noted what is asked for, if somebody wants to know.
    notes: Option<&'a Notes>,
}

impl<'a> Reader<'a> {
    pub fn root(value: &'a Value, notes: Option<&'a Notes>) -> Self {
        Self { value, path: String::new(), notes }
    }

    /// An entry of a list that stands at `path`.
    pub fn entry(&self, value: &'a Value, path: &str) -> Self {
        Self { value, path: path.to_owned(), notes: self.notes }
    }

    /// Notes what a field can be.
    pub fn note(&self, field: &str, schema: impl FnOnce() -> Value) {
        if let Some(notes) = self.notes {
            notes.note(&self.path_of(field), schema());
        }
    }

    /// Notes what a schema cannot say of a field.
    pub fn remark(&self, field: &str, text: &str) {
        if let Some(notes) = self.notes {
            notes.remark(&self.path_of(field), text);
        }
    }

    fn path_of(&self, field: &str) -> String {
        let dot = if self.path.is_empty() || field.is_empty() { "" } else { "." };
        format!("{}{dot}{field}", self.path)
    }

    /// What was read of a field that has to be there.
    pub fn needed<T>(&self, field: &str, read: Option<T>) -> Result<T, ConfigError> {
        if let Some(notes) = self.notes {
            notes.require(&self.path, field);
        }
        read.ok_or_else(|| self.wrong(field, "must be given"))
    }

    /// The entries of a list; none if it is not set.
    pub fn items(&self, field: &str, most: usize) -> Result<&'a [Value], ConfigError> {
        self.note(field, || json!({"type": "array", "maxItems": most, "items": {"type": "object"}}));
        self.list(field, most)
    }

    fn list(&self, field: &str, most: usize) -> Result<&'a [Value], ConfigError> {
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
        ConfigError { field: self.path_of(field), reason: reason.into() }
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
        self.note(field, || json!({"type": "object"}));
        let value = self.value.get(field).unwrap_or(&Value::Null);
        let child = Reader { value, path: self.path_of(field), notes: self.notes };
        child.object()?;
        Ok(child)
    }

    pub fn text(&self, field: &str, most: usize) -> Result<Option<String>, ConfigError> {
        self.note(field, || json!({"type": "string", "maxLength": most}));
        let Some(text) = self.any_text(field)? else { return Ok(None) };
        match text.chars().count() {
            n if n > most => Err(self.wrong(field, format!("has {n} characters, at most {most} are allowed"))),
            _ => Ok(Some(text)),
        }
    }

    fn any_text(&self, field: &str) -> Result<Option<String>, ConfigError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(self.wrong(field, "must be a text")),
        }
    }

    /// One of these words.
    pub fn choice(&self, field: &str, words: &[&'static str]) -> Result<Option<&'static str>, ConfigError> {
        self.note(field, || json!({"type": "string", "enum": words}));
        let Some(text) = self.any_text(field)? else { return Ok(None) };
        let word = words.iter().copied().find(|word| *word == text);
        word.map(Some).ok_or_else(|| self.wrong(field, format!("must be {}", listed(words))))
    }

    pub fn texts(&self, field: &str, most: usize, longest: usize) -> Result<Vec<String>, ConfigError> {
        self.note(
            field,
            || json!({"type": "array", "maxItems": most, "items": {"type": "string", "maxLength": longest}}),
        );
        self.list(field, most)?
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
        self.note(field, || {
            json!({"type": "array", "maxItems": most, "items": {"type": "string", "minLength": 1, "maxLength": longest}})
        });
        if words.iter().any(String::is_empty) { Err(self.wrong(field, "an entry is empty")) } else { Ok(words) }
    }

    pub fn number(&self, field: &str, least: f64, most: f64) -> Result<Option<f64>, ConfigError> {
        self.note(field, || json!({"type": "number", "minimum": least, "maximum": most}));
        self.any_number(field, least, most)
    }

    fn any_number(&self, field: &str, least: f64, most: f64) -> Result<Option<f64>, ConfigError> {
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
        self.note(field, || json!({"type": "integer", "minimum": least, "maximum": most}));
        self.whole(field, least, most)
    }

    /// 0, or an integer from `least` on.
    pub fn zero_or(&self, field: &str, least: u32, most: u32) -> Result<Option<u32>, ConfigError> {
        self.note(field, || json!({"anyOf": [{"const": 0}, {"type": "integer", "minimum": least, "maximum": most}]}));
        match self.whole(field, 0, most)? {
            Some(short) if short > 0 && short < least => {
                Err(self.wrong(field, format!("{short} is not 0 or {least}..{most}")))
            }
            read => Ok(read),
        }
    }

    fn whole(&self, field: &str, least: u32, most: u32) -> Result<Option<u32>, ConfigError> {
        match self.any_number(field, f64::from(least), f64::from(most))? {
            Some(n) if n.fract() != 0.0 => Err(self.wrong(field, "must be a whole number")),
            Some(n) => Ok(Some(n as u32)),
            None => Ok(None),
        }
    }

    pub fn boolean(&self, field: &str) -> Result<Option<bool>, ConfigError> {
        self.note(field, || json!({"type": "boolean"}));
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
        self.note(FIELD, || {
            let properties =
                json!({"Function": {"const": "hangup"}, "MatchFunction": {"type": "string", "pattern": TOOL_NAME}});
            let items = json!({"type": "object", "properties": properties, "required": ["Function", "MatchFunction"]});
            json!({"type": "array", "maxItems": MAX_FUNCTIONS, "items": items})
        });
        self.list(FIELD, MAX_FUNCTIONS)?
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
        self.note(field, || {
            let properties = json!({"Role": {"type": "string"}, "Content": {"type": "string"}});
            let items = json!({"type": "object", "properties": properties, "required": ["Role", "Content"]});
            json!({"type": "array", "maxItems": MAX_MESSAGES, "items": items})
        });
        self.list(field, MAX_MESSAGES)?
            .iter()
            .map(|item| match (item["Role"].as_str(), item["Content"].as_str()) {
                (Some(role), Some(content)) => Ok(SeedMessage { role: role.to_owned(), content: content.to_owned() }),
                _ => Err(self.wrong(field, "every entry needs a text `Role` and a text `Content`")),
            })
            .collect()
    }
}
