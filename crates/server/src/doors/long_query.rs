//! Lets requests through whose query is longer than hyper takes: [`Framed`] stands between the socket and hyper and takes
//! such queries out ([`ringline_protocol::long_query`]), [`Waiting`] holds them until their request has been parsed, and
//! [`whole_query`] is what the door reads.

use super::request_id;
use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Extensions, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use ringline_protocol::error::ApiError;
use ringline_protocol::long_query::{Framer, HeadLimits, OutOfBand, TooLong};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Longest request target that hyper takes, in bytes.
pub const LONGEST_TARGET: usize = 65_534;
/// Bytes read from the socket at once.
const READ: usize = 16 * 1024;
/// Queries of one connection that wait for their request. hyper reads at most one request ahead, so two is the most
/// there can be; a connection with more is broken off.
const MOST_WAITING: usize = 2;

/// A query that was taken out of its request.
#[derive(Clone)]
struct LongQuery(Arc<str>);

/// The raw query as the client sent it.
pub fn whole_query<'a>(uri: &'a Uri, extensions: &'a Extensions) -> &'a str {
    extensions.get::<LongQuery>().map_or_else(|| uri.query().unwrap_or_default(), |long| &long.0)
}

/// What was taken out of one connection's requests, by marker.
#[derive(Clone, Default)]
pub struct Waiting(Arc<Mutex<VecDeque<(String, OutOfBand)>>>);

impl Waiting {
    fn put(&self, marker: String, taken: OutOfBand) -> io::Result<()> {
        let mut waiting = self.0.lock().map_err(|_| io::Error::other("a query is lost"))?;
        if waiting.len() == MOST_WAITING {
            return Err(io::Error::other("more requests than were asked for"));
        }
        waiting.push_back((marker, taken));
        Ok(())
    }

    fn take(&self, marker: &str) -> Option<OutOfBand> {
        let mut waiting = self.0.lock().ok()?;
        let at = waiting.iter().position(|(known, _)| known == marker)?;
        waiting.remove(at).map(|(_, taken)| taken)
    }

    /// Gives a request its query back, or the answer that it is too long.
    pub fn complete<B>(&self, request: &mut Request<B>) -> Result<(), Box<Response>> {
        match request.uri().query().and_then(|query| self.take(query)) {
            Some(OutOfBand::Query(query)) => request.extensions_mut().insert(LongQuery(query.into())),
            Some(OutOfBand::TooLong(why)) => return Err(Box::new(too_long(why))),
            None => None,
        };
        Ok(())
    }
}

/// An envelope without a host: it stood in the head that is gone.
fn too_long(why: TooLong) -> Response<Body> {
    let (status, what) = match why {
        TooLong::Line => (StatusCode::URI_TOO_LONG, "request line"),
        TooLong::Head => (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head of the request"),
    };
    let error =
        ApiError::new(status.as_u16(), "RequestTooLarge", format!("The {what} is longer than this server takes."));
    (status, [(header::CONNECTION, "close")], Json(error.envelope(&request_id(), "", ""))).into_response()
}

/// A connection whose long queries go to [`Waiting`].
pub struct Framed<S> {
    stream: S,
    framer: Framer,
    waiting: Waiting,
    read: Box<[u8]>,
    ended: bool,
}

impl<S> Framed<S> {
    /// `secret` is random.
    pub fn new(stream: S, limits: HeadLimits, secret: u128, waiting: Waiting) -> Self {
        let read = vec![0; READ].into_boxed_slice();
        Self { stream, framer: Framer::new(limits, secret), waiting, read, ended: false }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Framed<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if let Some((marker, taken)) = this.framer.take_out_of_band() {
                this.waiting.put(marker, taken)?;
            }
            let length = this.framer.ready().len().min(into.remaining());
            if length > 0 || this.ended || into.remaining() == 0 {
                into.put_slice(&this.framer.ready()[..length]);
                this.framer.consume(length);
                return Poll::Ready(Ok(()));
            }
            let mut buffer = ReadBuf::new(&mut this.read);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer))?;
            match buffer.filled() {
                [] => {
                    this.ended = true;
                    this.framer.end();
                }
                bytes => this.framer.push(bytes),
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Framed<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
