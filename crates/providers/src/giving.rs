//! An answer that is given piece by piece through a bounded channel, for as long as somebody reads it.

use crate::{ChatEvent, ProviderError, SpeechEvent};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Runs `give` until it is done or its reader has left; then it is dropped, with the connections and streams it holds. At most
/// `capacity` pieces wait for the reader.
pub(crate) fn give<E: Send + 'static, F>(
    runtime: &Handle,
    capacity: usize,
    give: impl FnOnce(mpsc::Sender<E>) -> F,
) -> mpsc::Receiver<E>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (pieces, receiver) = mpsc::channel(capacity);
    let work = give(pieces.clone());
    runtime.spawn(async move {
        tokio::select! {
            () = pieces.closed() => {}
            () = work => {}
        }
    });
    receiver
}

/// [`give`], for work that fails or is done: its last piece says which.
pub(crate) fn give_to_the_end<E: Ending, F>(
    runtime: &Handle,
    capacity: usize,
    work: impl FnOnce(mpsc::Sender<E>) -> F,
) -> mpsc::Receiver<E>
where
    F: Future<Output = Result<(), ProviderError>> + Send + 'static,
{
    give(runtime, capacity, |pieces| {
        let work = work(pieces.clone());
        async move {
            let last = match work.await {
                Ok(()) => E::finished(),
                Err(error) => E::failed(error),
            };
            // The reader may have left just now; then nobody misses the ending.
            pieces.send(last).await.ok();
        }
    })
}

/// `first`, and all that follows it in `rest`. A reader who has left is noticed by [`give`].
pub(crate) async fn pass_on<E>(first: E, mut rest: mpsc::Receiver<E>, pieces: &mpsc::Sender<E>) {
    let mut next = Some(first);
    while let Some(piece) = next {
        if pieces.send(piece).await.is_err() {
            return;
        }
        next = rest.recv().await;
    }
}

/// A kind of piece that an answer can end with.
pub(crate) trait Ending: Send + 'static {
    fn finished() -> Self;
    fn failed(error: ProviderError) -> Self;
}

impl Ending for ChatEvent {
    fn finished() -> Self {
        Self::Finished
    }

    fn failed(error: ProviderError) -> Self {
        Self::Failed(error)
    }
}

impl Ending for SpeechEvent {
    fn finished() -> Self {
        Self::Finished
    }

    fn failed(error: ProviderError) -> Self {
        Self::Failed(error)
    }
}
