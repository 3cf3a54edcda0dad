use super::*;

const SMALL: HeadLimits = HeadLimits { head: 1000, target: 100 };

/// What comes out of a framer: the bytes that go on, and what was taken out of them.
#[derive(Debug, Default, PartialEq)]
struct Out {
    bytes: String,
    taken: Vec<(String, OutOfBand)>,
}

/// Pushes the input in pieces of `step` bytes.
fn frame(limits: HeadLimits, input: &str, step: usize) -> Out {
    let mut framer = Framer::new(limits, 7);
    let mut out = Out::default();
    let mut drain = |framer: &mut Framer| {
        while !framer.ready().is_empty() {
            out.taken.extend(framer.take_out_of_band());
            let length = framer.ready().len();
            out.bytes.push_str(std::str::from_utf8(framer.ready()).expect("text"));
            framer.consume(length);
        }
    };
    for piece in input.as_bytes().chunks(step) {
        framer.push(piece);
        drain(&mut framer);
    }
    framer.end();
    drain(&mut framer);
    out
}

/// However the input is cut, the same comes out.
#[track_caller]
fn framed(input: &str) -> Out {
    let whole = frame(SMALL, input, usize::MAX);
    for step in [1, 2, 3, 7, 50] {
        assert_eq!(frame(SMALL, input, step), whole, "in steps of {step}");
    }
    whole
}

fn marker(n: u64) -> String {
    format!("{:032x}.{n}", 7)
}

fn query(text: &str) -> OutOfBand {
    OutOfBand::Query(text.to_owned())
}

fn long() -> String {
    format!("a={}", "x".repeat(200))
}

#[track_caller]
fn is_untouched(input: &str) {
    assert_eq!(framed(input), Out { bytes: input.to_owned(), taken: vec![] });
}

#[test]
fn a_short_request_passes_unchanged() {
    is_untouched("POST /?a=1 HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n");
}

#[test]
fn a_long_query_is_taken_out_and_a_marker_stands_for_it() {
    let out = framed(&format!("POST /p?{} HTTP/1.1\r\nhost: h\r\n\r\n", long()));
    assert_eq!(out.bytes, format!("POST /p?{} HTTP/1.1\r\nhost: h\r\n\r\n", marker(1)));
    assert_eq!(out.taken, [(marker(1), query(&long()))]);
}

#[test]
fn pipelined_requests_are_told_apart_by_their_lengths() {
    // The body looks like a request with a long query, and is none.
    let inner = format!("GET /?{} HTTP/1.1\r\n\r\n", long());
    let first = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n{inner}", inner.len());
    let out = framed(&format!("{first}GET /?b{} HTTP/1.1\r\n\r\n\r\nGET /?c{} HTTP/1.1\n\n", long(), long()));
    let (b, c) = (marker(1), marker(2));
    assert_eq!(out.bytes, format!("{first}GET /?{b} HTTP/1.1\r\n\r\n\r\nGET /?{c} HTTP/1.1\n\n"));
    assert_eq!(out.taken, [(b, query(&format!("b{}", long()))), (c, query(&format!("c{}", long())))]);
}

#[test]
fn after_a_framing_that_is_not_followed_nothing_is_touched() {
    let after = format!("GET /?{} HTTP/1.1\r\n\r\n", long());
    for head in [
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: 0\r\ncontent-length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: 0, 0\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\ncontent-length:\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-length : 1\r\n\r\na",
        "POST / HTTP/1.1\r\ncontent-length: 0\r\n x: folded\r\n\r\n",
        "GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET /\r\n\r\n",
        "\r\n\r\n",
        "\u{1}\r\n\r\n",
    ] {
        is_untouched(&format!("{head}{after}"));
    }
}

#[test]
fn what_is_no_query_stays_in_its_place() {
    for target in [format!("/?a#{}", long()), format!("/?ä{}", long())] {
        is_untouched(&format!("GET {target} HTTP/1.1\r\n\r\n"));
    }
}

#[test]
fn a_head_beyond_the_limit_becomes_a_request_to_refuse_and_ends_the_connection() {
    let refusal = format!("GET /?{} HTTP/1.1\r\nconnection: close\r\n\r\n", marker(1));
    let header = format!("GET / HTTP/1.1\r\nx: {}\r\n\r\nGET / HTTP/1.1\r\n\r\n", "x".repeat(1000));
    let line = format!("GET /?{} HTTP/1.1\r\n\r\nmore", "x".repeat(1000));
    let path = format!("GET /{} HTTP/1.1\r\n\r\nmore", "x".repeat(100));
    let cut = format!("GET /?{}", "x".repeat(1000));
    for (input, why) in [(header, TooLong::Head), (line, TooLong::Line), (path, TooLong::Line), (cut, TooLong::Line)] {
        assert_eq!(framed(&input), Out { bytes: refusal.clone(), taken: vec![(marker(1), OutOfBand::TooLong(why))] });
    }
}

#[test]
fn the_limit_itself_is_allowed_and_one_byte_more_is_not() {
    let head = |length: usize| {
        let rest = "GET /?".len() + " HTTP/1.1\r\n\r\n".len();
        format!("GET /?{} HTTP/1.1\r\n\r\n", "x".repeat(length - rest))
    };
    assert_eq!(framed(&head(SMALL.head)).taken.len(), 1);
    assert_eq!(framed(&head(SMALL.head + 1)).taken, [(marker(1), OutOfBand::TooLong(TooLong::Head))]);
}

#[test]
fn a_head_without_end_is_refused_before_it_has_filled_the_memory() {
    let mut framer = Framer::new(SMALL, 7);
    let mut pushed = 0;
    while framer.ready().is_empty() {
        framer.push(&[b'x'; 100]);
        pushed += 100;
        assert!(framer.input.len() <= SMALL.head + 100);
    }
    assert!((DROPPED_HEADS * SMALL.head..(DROPPED_HEADS + 1) * SMALL.head).contains(&pushed), "{pushed}");
    assert_eq!(framer.take_out_of_band().map(|(_, out)| out), Some(OutOfBand::TooLong(TooLong::Line)));
}

#[test]
fn a_client_cannot_write_a_marker_of_another_connection() {
    let (a, b) = (Framer::new(SMALL, 1).marker(), Framer::new(SMALL, 2).marker());
    assert_ne!(a, b);
    is_untouched(&format!("GET /?{a} HTTP/1.1\r\n\r\n"));
}
