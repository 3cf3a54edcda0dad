//! What to do about an error, by its code: the page behind the envelope's `Recommend` (server-api §3.2).

/// Path of the page; the code follows.
pub const PATH: &str = "/errors";

/// What to do next; none for a code we do not send.
pub fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "AgentNotFound" => {
            "No agent has this id. `ringline serve` prints the demo agent's id at start; the admin API lists all agents \
             (GET /api/ringline/v1/admin/agents). An agent that was deleted has to be made again."
        }
        "InstanceNotFound" => "No call has this InstanceId. Take it from the answer of GenerateAIAgentCall.",
        "InstanceFinished" => "The call is over. DescribeAIAgentInstance still shows it; start another one.",
        "InstanceNotConnected" => {
            "The user has not joined the call yet. Wait for the callback `session_start`, or for the status Executing."
        }
        "ResourceNotFound" => "What was named does not exist, or no longer.",
        "ChannelBusy" => "Another agent is in this channel. Stop its instance first, or choose another ChannelId.",
        "TakeoverInProgress" => {
            "One human at a time takes a call over. Ask without HumanAgentUserId to be told who it is; the takeover is off if \
             that one does not join within 60 s."
        }
        "ConcurrencyLimitExceeded" => {
            "As many calls are running as this server allows (`media.max_calls` in its configuration). \
             GetAIAgentConcurrency counts an agent's calls; StopAIAgentInstance ends one."
        }
        "InvalidParameter" => "The message names the parameter, or the field inside it, and says what it may be.",
        "InvalidAccessKeyId.NotFound" => {
            "This server does not know the access key id. Keys are this server's own, not a cloud account's: \
             `ringline serve` prints the development key at start."
        }
        "InvalidAccessKeyId.Inactive" => "The access key has been switched off. Switch it on again in the admin API.",
        "SignatureDoesNotMatch" => {
            "Compare the string to sign in the message with the one your client signed. If they are equal, the secret is \
             wrong. If a proxy stands between: it must not change Host, User-Agent, Accept or the query."
        }
        "SignatureNonceUsed" => "Each request needs a nonce of its own; a repeated request has to be signed again.",
        "InvalidSecurityToken.Malformed" => "The request carries a security token this server did not give out.",
        "InvalidTimeStamp.Format" => "The time must look like 2026-01-02T03:04:05Z, in UTC.",
        "InvalidTimeStamp.Expired" => "The request's time is more than 15 minutes from the server's. Set both clocks.",
        "InvalidSignatureMethod" => "Sign with ACS3-HMAC-SHA256, or with HMAC-SHA1 in the older scheme.",
        "IncompleteSignature" => {
            "The request is not signed, or parts of the signature are missing. Use an SDK with a key."
        }
        "Forbidden" => "The access key's list of operations does not hold this one. Change it in the admin API.",
        "InvalidApi.NotFound" => "There is no such operation here, or not in this version (2020-11-09).",
        "UnsupportedHTTPMethod" => "Send operations with POST or GET.",
        "Throttling" => "Too much at once. Try again after the time in the header x-acs-retry-after (ms).",
        "InternalError" => "Something failed in the server; its log says what, at the time of the request.",
        "ServiceUnAvailable" => "The server is shutting down or has no room. Try again in a moment.",
        "InvalidAudioDuration" => {
            "The recording is too short or too long for a voiceprint; the message says the range."
        }
        _ if code.starts_with("Missing") => {
            "A mandatory parameter is absent or empty; the code and the message name it."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::AuthError;
    use crate::error::ApiError;

    #[test]
    fn what_we_send_has_advice() {
        let sent = [
            ApiError::missing("AIAgentId"),
            ApiError::takeover_in_progress(),
            ApiError::invalid_parameter("Text", "it is blank"),
            ApiError::api_not_found(),
            ApiError::unsupported_method(),
            ApiError::agent_not_found(),
            ApiError::instance_not_found(),
            ApiError::instance_finished(),
            ApiError::instance_not_connected(),
            ApiError::resource_not_found("dialogue"),
            ApiError::concurrency_limit_exceeded(),
            ApiError::channel_busy(),
            ApiError::forbidden("no"),
            ApiError::throttling(1),
            ApiError::internal(),
            ApiError::unavailable(),
            AuthError::UnknownKey.into(),
            AuthError::InactiveKey.into(),
        ];
        for error in sent {
            assert!(advice(&error.code).is_some(), "{}", error.code);
        }
        assert_eq!(advice("<script>"), None);
    }
}
