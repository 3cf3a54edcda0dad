//! What travels: requests and answers of every door, their signatures and tokens, and the data channel's messages.
//!
//! Everything from the network is parsed into a type that cannot be wrong, within limits that stand beside the type.
//! Pure: no clock, no random source, no sockets; time, nonces and ids are arguments. Unix times are `i64`, in seconds
//! unless a name says `_ms`.
//!
//! | module | what |
//! |---|---|
//! | [`acs3`], [`rpc_v1`] | request signatures: verify both, sign the first (server-api §2) |
//! | [`auth`] | what the two have in common: the wire request, [`auth::AuthError`], choosing the scheme |
//! | [`long_query`] | queries longer than an HTTP library takes |
//! | [`nonce`] | the bounded memory of nonces |
//! | [`query`], [`params`] | decoding and lenient reading of parameters (server-api §1) |
//! | [`error`] | [`error::ApiError`] and its envelope (server-api §3) |
//! | [`openapi`] | typed requests and answers (server-api §4) |
//! | [`app_server`] | the JSON door of the demo apps (server-api §13) |
//! | [`callback`] | what an app server is told about calls (server-api §9) |
//! | [`call_log`] | the call log and its signed address (server-api §10.1) |
//! | [`ice`] | STUN and TURN servers with credentials |
//! | [`token`] | channel tokens (server-api §11.1) |
//! | [`supervisor`] | supervisor tokens, a scope of their own |
//! | [`signaling`] | our own join and restart bodies |
//! | [`datachannel`] | messages between client and agent (client-sdk §4) |
//! | [`time_format`] | Unix time to its text forms and back (server-api §1.4) |

pub mod acs3;
pub mod app_server;
pub mod auth;
pub mod call_log;
pub mod callback;
pub mod datachannel;
pub mod error;
pub mod ice;
pub mod long_query;
pub mod nonce;
pub mod openapi;
pub mod params;
pub mod query;
pub mod rpc_v1;
pub mod signaling;
pub mod supervisor;
pub mod time_format;
pub mod token;
