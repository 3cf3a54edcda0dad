//! What is logged while a test does something on its own thread.

use serde_json::Value;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of `ringline serve --log-format json`, down to debug.
pub fn logged(work: impl FnOnce()) -> Vec<Value> {
    let lines = Lines::default();
    let out = lines.clone();
    let logs = tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG).with_writer(move || out.clone());
    tracing::subscriber::with_default(logs.finish(), work);
    let text = lines.0.lock().unwrap_or_else(PoisonError::into_inner);
    text.split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("a line is JSON"))
        .collect()
}

pub fn message(line: &Value) -> &str {
    line["fields"]["message"].as_str().unwrap_or_default()
}

/// A field of the line, or of a span that it is in.
pub fn field<'l>(line: &'l Value, name: &str) -> Option<&'l str> {
    let spans = line["spans"].as_array().into_iter().flatten();
    std::iter::once(&line["fields"]).chain(spans).find_map(|fields| fields[name].as_str())
}
