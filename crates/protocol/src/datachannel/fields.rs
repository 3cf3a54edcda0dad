//! Lenient reading of a message's `data`.

use super::MessageError;
use serde_json::Value;

pub(super) struct Fields {
    pub message_type: i64,
    /// An object; anything else a message carries counts as no data.
    data: Value,
}

impl Fields {
    /// `data` may be a text that holds the object.
    pub fn new(message_type: i64, data: Value) -> Self {
        let data = match data {
            Value::String(text) => serde_json::from_str(&text).unwrap_or_default(),
            other => other,
        };
        Self { message_type, data: if data.is_object() { data } else { Value::Null } }
    }

    pub fn data(self) -> Value {
        self.data
    }

    pub fn wrong(&self, field: &'static str, reason: &'static str) -> MessageError {
        MessageError::BadData { message_type: self.message_type, field, reason }
    }

    pub fn get(&self, field: &str) -> Option<&Value> {
        self.data.get(field).filter(|value| !value.is_null())
    }

    pub fn has(&self, field: &str) -> bool {
        self.get(field).is_some()
    }

    /// A text of at most `most` characters.
    pub fn optional_text(&self, field: &'static str, most: usize) -> Result<Option<String>, MessageError> {
        let text = match self.get(field) {
            None => return Ok(None),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(_) => return Err(self.wrong(field, "must be a text")),
        };
        match text.chars().count() <= most {
            true => Ok(Some(text)),
            false => Err(self.wrong(field, "is too long")),
        }
    }

    pub fn text(&self, field: &'static str, most: usize) -> Result<String, MessageError> {
        self.optional_text(field, most)?.ok_or_else(|| self.wrong(field, "is missing"))
    }

    /// A text that says something.
    pub fn words(&self, field: &'static str, most: usize) -> Result<String, MessageError> {
        let text = self.text(field, most)?;
        match text.trim().is_empty() {
            true => Err(self.wrong(field, "is empty")),
            false => Ok(text),
        }
    }

    pub fn optional_number(&self, field: &'static str, least: f64, most: f64) -> Result<Option<f64>, MessageError> {
        let number = match self.get(field) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        match number {
            Some(number) if (least..=most).contains(&number) => Ok(Some(number)),
            Some(_) => Err(self.wrong(field, "is out of range")),
            None => Err(self.wrong(field, "must be a number")),
        }
    }

    pub fn number(&self, field: &'static str, least: f64, most: f64) -> Result<f64, MessageError> {
        self.optional_number(field, least, most)?.ok_or_else(|| self.wrong(field, "is missing"))
    }

    pub fn optional_whole(&self, field: &'static str, least: u32, most: u32) -> Result<Option<u32>, MessageError> {
        match self.optional_number(field, f64::from(least), f64::from(most))? {
            Some(number) if number.fract() != 0.0 => Err(self.wrong(field, "must be a whole number")),
            number => Ok(number.map(|number| number as u32)),
        }
    }

    pub fn whole(&self, field: &'static str, least: u32, most: u32) -> Result<u32, MessageError> {
        self.optional_whole(field, least, most)?.ok_or_else(|| self.wrong(field, "is missing"))
    }

    /// A JSON integer of any size that an `f64` cannot hold exactly, or its decimal text.
    pub fn long(&self, field: &'static str) -> Result<u64, MessageError> {
        match self.get(field) {
            None => Err(self.wrong(field, "is missing")),
            Some(Value::Number(number)) => number.as_u64().ok_or_else(|| self.wrong(field, "must be a whole number")),
            Some(Value::String(text)) => text.trim().parse().map_err(|_| self.wrong(field, "must be a whole number")),
            Some(_) => Err(self.wrong(field, "must be a whole number")),
        }
    }

    /// true, false, 1, 0, or one of these as a text.
    pub fn optional_boolean(&self, field: &'static str) -> Result<Option<bool>, MessageError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        let text = match value {
            Value::String(text) => text.trim().to_ascii_lowercase(),
            other => other.to_string(),
        };
        match text.as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(self.wrong(field, "must be true or false")),
        }
    }

    pub fn boolean(&self, field: &'static str) -> Result<bool, MessageError> {
        self.optional_boolean(field)?.ok_or_else(|| self.wrong(field, "is missing"))
    }

    /// A JSON object or a text that holds one.
    pub fn object(&self, field: &'static str) -> Result<Value, MessageError> {
        let value = match self.get(field) {
            None => return Err(self.wrong(field, "is missing")),
            Some(Value::String(text)) => serde_json::from_str(text).map_err(|_| self.wrong(field, "is not JSON"))?,
            Some(other) => other.clone(),
        };
        match value.is_object() {
            true => Ok(value),
            false => Err(self.wrong(field, "must be an object")),
        }
    }
}
