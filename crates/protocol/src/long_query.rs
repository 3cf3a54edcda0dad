//! Queries too long for an HTTP library (server-api §1.2): whole configurations travel in them, but a URI there has at
//! most 65,534 bytes.
//!
//! A [`Framer`] stands before the library and sees a connection's bytes first. It finds where each head ends, and when
//! the request target is too long it takes the query out and puts a marker there; whoever gets the request asks for what
//! the marker stands for. Nothing else is ever changed.
//!
//! It knows where a head begins only while it follows the framing, and it follows the plainest: heads with one
//! `Content-Length` or none. Whatever else comes (chunked bodies, upgrades, two lengths, anything malformed) is passed on
//! untouched, and so is everything after it on this connection: then the library alone decides, and refuses a target that
//! is too long. So the two cannot disagree on where a request ends. A marker holds a secret of the connection, so a
//! client cannot write one.
//!
//! A head beyond the limit is not passed on. The library gets a short request with a marker in its place, to be answered
//! with [`TooLong`]; what follows on the connection is dropped.

/// Most headers of a request that is followed; the library refuses more.
const MAX_HEADERS: usize = 100;
/// How many times the limit's length is read of a head beyond it before the answer, so that most clients have finished
/// sending and can read it.
const DROPPED_HEADS: usize = 4;
/// Room for the marker in a target.
const MARKER_ROOM: usize = 64;

/// What may go through as it is.
#[derive(Clone, Copy, Debug)]
pub struct HeadLimits {
    /// Longest head (request line and headers), in bytes.
    pub head: usize,
    /// Longest request target that the library takes, in bytes.
    pub target: usize,
}

/// The head is longer than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLong {
    /// Its request line alone: HTTP status 414.
    Line,
    /// 431.
    Head,
}

/// What a marker stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutOfBand {
    /// The raw text after `?`: visible ASCII without `#`.
    Query(String),
    TooLong(TooLong),
}

/// Follows one connection's requests. [`Self::push`] what was read, then pass [`Self::ready`] on and [`Self::consume`] it.
#[derive(Debug)]
pub struct Framer {
    limits: HeadLimits,
    /// Begins every marker of this connection.
    secret: String,
    markers: u64,
    input: Vec<u8>,
    /// How much of the input may be passed on.
    ready: usize,
    /// How much of a head that has no end yet has been searched for it.
    searched: usize,
    state: State,
    out_of_band: Option<(String, OutOfBand)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// Bytes still to come.
    Body(u64),
    /// Nothing is looked at any more.
    Untouched,
    /// A head beyond the limit, so many bytes of which are gone.
    Dropping(TooLong, usize),
    /// Everything is dropped.
    Refused,
}

impl Framer {
    /// `secret` is random and this connection's own.
    pub fn new(limits: HeadLimits, secret: u128) -> Self {
        Self {
            limits,
            secret: format!("{secret:032x}"),
            markers: 0,
            input: Vec::new(),
            ready: 0,
            searched: 0,
            state: State::Head,
            out_of_band: None,
        }
    }

    /// Takes what was read from the connection. Only when nothing is [`Self::ready`] any more, which bounds what is held
    /// here by one head and one read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.advance();
    }

    /// The client sends no more: what is left goes out as it is, and what is too long already is refused.
    pub fn end(&mut self) {
        match self.state {
            State::Dropping(why, _) => self.refuse(why),
            State::Refused => {}
            State::Head | State::Body(_) | State::Untouched => self.state = State::Untouched,
        }
        self.advance();
    }

    /// What may be passed on now.
    pub fn ready(&self) -> &[u8] {
        &self.input[..self.ready]
    }

    pub fn consume(&mut self, length: usize) {
        self.input.drain(..length);
        self.ready -= length;
        self.advance();
    }

    /// What was taken out of the request that is ready, with the query that now stands in its target. To be asked for
    /// after every step.
    pub fn take_out_of_band(&mut self) -> Option<(String, OutOfBand)> {
        self.out_of_band.take()
    }

    fn advance(&mut self) {
        if self.ready > 0 {
            return;
        }
        if let State::Body(0) = self.state {
            self.state = State::Head;
        }
        match self.state {
            State::Untouched => self.ready = self.input.len(),
            State::Body(left) => {
                self.ready = usize::try_from(left).unwrap_or(usize::MAX).min(self.input.len());
                self.state = State::Body(left - self.ready as u64);
            }
            State::Head => self.head(),
            State::Dropping(why, dropped) => self.drop_head(why, dropped),
            State::Refused => self.input.clear(),
        }
    }

    fn head(&mut self) {
        let end = head_end(&self.input, self.searched);
        if end.unwrap_or(self.input.len()) > self.limits.head {
            let line = self.input.iter().take(self.limits.head).all(|byte| *byte != b'\n');
            return self.drop_head(if line { TooLong::Line } else { TooLong::Head }, 0);
        }
        let Some(end) = end else {
            self.searched = self.input.len();
            return;
        };
        self.searched = 0;
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        // Anything but a whole head that ends here is the library's to judge.
        let (Ok(httparse::Status::Complete(length)), Some(target)) = (request.parse(&self.input[..end]), request.path)
        else {
            return self.untouched();
        };
        if length != end {
            return self.untouched();
        }
        self.state = after(&request);
        self.ready = end;
        if target.len() <= self.limits.target {
            return;
        }
        let Some((path, query)) =
            target.split_once('?').filter(|(path, _)| path.len() + MARKER_ROOM <= self.limits.target)
        else {
            self.input.drain(..end);
            return self.refuse(TooLong::Line);
        };
        if !query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return self.untouched();
        }
        let query = query.to_owned();
        // Both point into the input.
        let at = target.as_ptr().addr() - self.input.as_ptr().addr() + path.len() + 1;
        let marker = self.marker();
        self.ready = end - query.len() + marker.len();
        self.input.splice(at..at + query.len(), marker.bytes());
        self.out_of_band = Some((marker, OutOfBand::Query(query)));
    }

    fn untouched(&mut self) {
        self.state = State::Untouched;
        self.ready = self.input.len();
    }

    fn drop_head(&mut self, why: TooLong, dropped: usize) {
        match head_end(&self.input, 0) {
            Some(end) => {
                self.input.drain(..end);
                self.refuse(why);
            }
            None if dropped + self.input.len() > DROPPED_HEADS * self.limits.head => self.refuse(why),
            None => {
                // The end may be cut in two.
                let length = self.input.len().saturating_sub(2);
                self.input.drain(..length);
                self.state = State::Dropping(why, dropped + length);
            }
        }
    }

    fn refuse(&mut self, why: TooLong) {
        let marker = self.marker();
        self.state = State::Refused;
        self.input = format!("GET /?{marker} HTTP/1.1\r\nconnection: close\r\n\r\n").into_bytes();
        self.ready = self.input.len();
        self.out_of_band = Some((marker, OutOfBand::TooLong(why)));
    }

    fn marker(&mut self) -> String {
        self.markers += 1;
        format!("{}.{}", self.secret, self.markers)
    }
}

/// What follows a head.
fn after(request: &httparse::Request<'_, '_>) -> State {
    let mut length = None;
    for header in request.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        if is("transfer-encoding") || is("upgrade") {
            return State::Untouched;
        }
        if is("content-length") {
            match digits(header.value) {
                Some(value) if length.is_none() => length = Some(value),
                _ => return State::Untouched,
            }
        }
    }
    match request.method {
        Some("CONNECT") | None => State::Untouched,
        Some(_) => State::Body(length.unwrap_or(0)),
    }
}

/// A length that nobody could read in another way.
fn digits(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok().filter(|text| (1..=15).contains(&text.len()))?;
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Where the first empty line ends, as lenient as the parser: a line may end without a carriage return. The first
/// `searched` bytes held none, but one may have begun there.
fn head_end(input: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(2);
    let newlines = input.iter().enumerate().skip(from).filter(|(_, byte)| **byte == b'\n');
    newlines.map(|(at, _)| at + 1).find_map(|at| match input[at..] {
        [b'\n', ..] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
