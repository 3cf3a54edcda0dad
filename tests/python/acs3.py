"""ACS3 request signatures (server-api §2.2), written from the specification and independent of the server's own code.

The official SDK signs what it sends itself; this is for what the SDK cannot send: an old date, the same nonce twice, a
changed parameter, a missing one.
"""

import hashlib
import hmac
import json
import secrets
import time
import urllib.error
import urllib.parse
import urllib.request


def utc(unix):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(unix))


def signed_request(url, key_id, secret, action, params, *, date=None, nonce=None, version="2020-11-09", method="POST"):
    """A request with every parameter in the query, ready for `send`."""
    quote = lambda text: urllib.parse.quote(text, safe="-_.~")
    query = "&".join(f"{quote(k)}={quote(v)}" for k, v in sorted(params.items()))
    headers = {
        "host": urllib.parse.urlsplit(url).netloc,
        "x-acs-action": action,
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": date or utc(time.time()),
        "x-acs-signature-nonce": nonce or secrets.token_hex(16),
        "x-acs-version": version,
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"{method}\n/\n{query}\n{lines}\n{names}\n{headers['x-acs-content-sha256']}"
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}"
    target = url.rstrip("/") + "/?" + query
    return urllib.request.Request(target, data=b"" if method == "POST" else None, headers=headers, method=method)


def post_json(url, body):
    """An unsigned POST; `body` may be bytes that are no JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return urllib.request.Request(url, data=data, headers={"content-type": "application/json"}, method="POST")


def send(request):
    """Status and parsed body, whatever the status."""
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
