//! Why a request to a caller's address failed, in words that hold nothing of the address.

use super::resolver::NotAllowed;
use std::error::Error;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutwardError {
    /// The URL itself cannot be.
    #[error("{0}")]
    Url(&'static str),
    /// A literal address, or all that the name resolves to.
    #[error("the URL leads to an address that this server may not connect to")]
    Refused,
    #[error("the URL's server cannot be reached: {0}")]
    Unreachable(String),
    #[error("the URL's server did not answer in time")]
    Timeout,
    #[error("the URL's server answered with status {0}")]
    Status(u16),
    #[error("the URL's server sent more than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the authorization has characters that a header cannot hold")]
    Authorization,
}

impl OutwardError {
    pub(super) fn from_reqwest(error: &reqwest::Error) -> Self {
        if chain(error).any(|cause| cause.is::<NotAllowed>()) {
            Self::Refused
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::unreachable(error)
        }
    }

    /// From the causes alone: the error itself would name the URL.
    pub(super) fn unreachable(error: &reqwest::Error) -> Self {
        let causes: Vec<_> = chain(error).skip(1).map(ToString::to_string).collect();
        Self::Unreachable(if causes.is_empty() { "no answer".to_owned() } else { causes.join(": ") })
    }
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
