//! Server-sent events out of bytes that arrive cut anywhere.

/// Longest line in bytes.
pub(super) const MAX_LINE: usize = 256 * 1024;

/// A line, or the data of one event, is longer than [`MAX_LINE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Lines end with CR, LF or both; `data` lines of one event are joined by LF; other fields and comments are ignored.
#[derive(Debug, Default)]
pub(super) struct EventStream {
    line: Vec<u8>,
    /// The last byte was a CR: an LF right after it belongs to the same line end.
    after_return: bool,
    data: Option<Vec<u8>>,
}

impl EventStream {
    /// The data of the events that these bytes complete. After an error the stream is of no more use.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        let mut events = Vec::new();
        for byte in bytes.iter().copied() {
            let pair = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            match byte {
                b'\n' if pair => {}
                b'\n' | b'\r' => events.extend(self.end_line()?),
                _ if self.line.len() >= MAX_LINE => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(events)
    }

    /// The event that only lacked its empty line.
    pub(super) fn end(&mut self) -> Result<Option<String>, TooLong> {
        let last = self.end_line()?;
        Ok(last.or_else(|| self.dispatch()))
    }

    fn end_line(&mut self) -> Result<Option<String>, TooLong> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let Some(value) = line.strip_prefix(b"data") else { return Ok(None) };
        let value = match value.strip_prefix(b":") {
            Some(value) => value.strip_prefix(b" ").unwrap_or(value),
            None if value.is_empty() => value,
            // Another field whose name begins in the same way.
            None => return Ok(None),
        };
        match &mut self.data {
            Some(data) if data.len() + value.len() >= MAX_LINE => return Err(TooLong),
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Option<String> {
        self.data.take().map(|data| String::from_utf8_lossy(&data).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The events of a text, cut into pieces of `size` bytes.
    fn events(text: &str, size: usize) -> Vec<String> {
        let mut stream = EventStream::default();
        let mut events: Vec<String> =
            text.as_bytes().chunks(size).flat_map(|piece| stream.push(piece).expect("short lines")).collect();
        events.extend(stream.end().expect("short lines"));
        events
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let text = ": hello\r\ndata: {\"a\":\"Grüße 世界 👋\"}\r\n\r\nevent: x\nid: 7\ndata:one\ndata: two\ndata\n\nretry: 5\r\rdata: [DONE]\r\r";
        let expected = ["{\"a\":\"Grüße 世界 👋\"}", "one\ntwo\n", "[DONE]"];
        for size in 1..text.len() {
            assert_eq!(events(text, size), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn one_line_end_of_two_bytes_is_not_two() {
        assert_eq!(events("data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", 1), ["a\nb", "c"]);
    }

    #[test]
    fn the_last_event_needs_no_empty_line() {
        assert_eq!(events("data: a\n\ndata: b", 3), ["a", "b"]);
        assert_eq!(events("data: a\n", 3), ["a"]);
    }

    #[test]
    fn other_fields_and_empty_events_are_nothing() {
        assert_eq!(events("\n\n\ndatabase: x\n\n:\nevent: data\n\n", 2), Vec::<String>::new());
    }

    #[test]
    fn endless_lines_and_events_are_refused() {
        let mut stream = EventStream::default();
        assert!(stream.push(&vec![b'x'; MAX_LINE]).is_ok());
        assert_eq!(stream.push(b"x"), Err(TooLong));

        let mut stream = EventStream::default();
        let line = format!("data: {}\n", "y".repeat(1_000));
        let refused = (0..1_000).any(|_| stream.push(line.as_bytes()).is_err());
        assert!(refused);
    }
}
