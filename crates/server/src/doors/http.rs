//! The HTTP/1 server: hyper with our limits, because `axum::serve` has no setting for the size of a request head, and
//! whole agent configurations travel in the query. Queries longer than hyper takes go around it ([`super::long_query`]).

use super::long_query::{Framed, LONGEST_TARGET, Waiting};
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use ringline_protocol::long_query::HeadLimits;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt as _;

/// A client that has not sent its head by then is cut off.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// Connections at once; one more waits in the kernel's queue.
const CONNECTIONS: usize = 4096;

/// Serves until `stopped` becomes true; then lets requests under way finish for a short while.
pub async fn serve(listener: TcpListener, router: Router, max_head: usize, mut stopped: watch::Receiver<bool>) {
    let room = std::sync::Arc::new(tokio::sync::Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop(&mut stopped) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, mostly: give the others a moment to close theirs.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let (router, mut stopped) = (router.clone(), stopped.clone());
        tokio::spawn(async move {
            let _place = place;
            let waiting = Waiting::default();
            let limits = HeadLimits { head: max_head, target: LONGEST_TARGET };
            let stream = Framed::new(stream, limits, rand::random(), waiting.clone());
            let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
                let completed = waiting.complete(&mut request);
                let router = router.clone();
                async move {
                    match completed {
                        Ok(()) => router.oneshot(request).await,
                        Err(refusal) => Ok(*refusal),
                    }
                }
            });
            let connection = http1(max_head, HEAD_PATIENCE).serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            let result = tokio::select! {
                result = connection.as_mut() => result,
                () = stop(&mut stopped) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = result {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    // Requests under way hold places; a second is ample for what is left after the calls have ended.
    let all = room.acquire_many(CONNECTIONS as u32);
    if tokio::time::timeout(Duration::from_secs(1), all).await.is_err() {
        tracing::debug!("some connections were still open");
    }
}

/// hyper with our limits. Its patience covers a head whose long query [`Framed`] still holds back, too.
pub(super) fn http1(max_head: usize, patience: Duration) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(max_head.max(8192) + 65_536);
    http
}

/// Returns when the server is to stop, or whoever would say so is gone.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    if stopped.wait_for(|stopped| *stopped).await.is_err() {
        tracing::debug!("nobody is left to stop the server");
    }
}
