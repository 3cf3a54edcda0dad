//! Checks a request as an OpenAPI door would: reads one raw HTTP/1.1 request from standard input and prints what the
//! signature covers, or why it is refused.
//!
//! `verify SECRET UNIX_SECONDS < request`; exit code 0 if the request is accepted, 1 if not.

use ringline_protocol::auth::{Presented, SignedRequest};
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{Operation, Request};
use ringline_protocol::params::{MAX_BODY, MAX_QUERY, Params};
use std::io::Read;
use std::process::ExitCode;

fn main() -> ExitCode {
    match check() {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            println!("{reason}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Result<String, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [secret, now] = arguments.as_slice() else { return Err("usage: verify SECRET UNIX_SECONDS < request".into()) };
    let now = now.parse().map_err(|_| "UNIX_SECONDS must be a whole number")?;
    let mut raw = Vec::new();
    let most = (MAX_QUERY + MAX_BODY + 64 * 1024) as u64;
    std::io::stdin().take(most).read_to_end(&mut raw).map_err(|e| format!("cannot read the request: {e}"))?;
    let end = raw.windows(4).position(|w| w == b"\r\n\r\n").ok_or("the request's head does not end")?;
    let head = std::str::from_utf8(&raw[..end]).map_err(|_| "the request's head is not UTF-8")?;
    let (line, lines) = head.split_once("\r\n").ok_or("the request has no headers")?;
    let mut words = line.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err("no request line".into()) };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers: Vec<(String, &str)> = lines
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let request = SignedRequest { method, path, query, headers: &headers, body: &raw[end + 4..] };
    judge(&request, secret, now).map_err(|e| e.to_string())
}

fn judge(request: &SignedRequest<'_>, secret: &str, now: i64) -> Result<String, ApiError> {
    let accepted = Presented::read(request)?.check(request, secret, now)?;
    let operation = Operation::from_name(&accepted.action, &accepted.version)?;
    let parsed = Request::parse(operation, &Params::read(request)?)?;
    Ok(format!("{accepted:?}\n{parsed:?}"))
}
