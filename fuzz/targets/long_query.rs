//! What stands before the HTTP library: however a connection's bytes are cut, the same requests come out; nothing but long
//! queries is changed; and a query goes out of band only where a request really begins.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringline_protocol::long_query::{Framer, HeadLimits, OutOfBand};

const LIMITS: HeadLimits = HeadLimits { head: 400, target: 80 };

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    steps: [u8; 4],
    pieces: Vec<Piece<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Raw(&'a [u8]),
    /// A request whose length is the body's, or claimed to be something else.
    Request {
        query: u16,
        claimed: Option<i8>,
        header: &'a str,
        body: &'a [u8],
    },
}

fuzz_target!(|input: Input<'_>| {
    let mut bytes = Vec::new();
    for piece in &input.pieces {
        match piece {
            Piece::Raw(raw) => bytes.extend_from_slice(raw),
            Piece::Request { query, claimed, header, body } => {
                let length = claimed.map_or(body.len() as i64, i64::from);
                let query = "q".repeat(usize::from(*query) % 300);
                let head = format!("POST /?{query} HTTP/1.1\r\n{header}\r\ncontent-length: {length}\r\n\r\n");
                bytes.extend_from_slice(head.as_bytes());
                bytes.extend_from_slice(body);
            }
        }
    }
    let whole = frame(&bytes, &[u8::MAX]);
    let cut = frame(&bytes, &input.steps);
    let refused = |out: &Out| out.taken.iter().any(|(_, _, taken)| matches!(taken, OutOfBand::TooLong(_)));
    assert_eq!(refused(&cut), refused(&whole));
    let refused = refused(&whole);
    assert_eq!(whole.bytes, cut.bytes);
    // Putting the queries back, last one first, gives what was sent; a refusal stands for all that is left.
    let mut back = whole.bytes;
    for (at, marker, taken) in whole.taken.iter().rev() {
        let begin = *at + find(&back[*at..], marker.as_bytes());
        match taken {
            OutOfBand::Query(query) => {
                assert!(query.len() > LIMITS.target - 64);
                assert!(back[*at..begin].iter().filter(|byte| **byte == b' ').count() == 1, "not in the target");
                back.splice(begin..begin + marker.len(), query.bytes());
            }
            OutOfBand::TooLong(_) => back.truncate(*at),
        }
    }
    assert!(bytes.starts_with(&back));
    assert_eq!(back.len() < bytes.len(), refused);
});

#[derive(Debug, Default)]
struct Out {
    bytes: Vec<u8>,
    /// Where the request begins that something was taken out of, the marker, and what it was.
    taken: Vec<(usize, String, OutOfBand)>,
}

fn frame(input: &[u8], steps: &[u8]) -> Out {
    // As a client cannot know the secret, the input must not hold it.
    let known = |secret: &u128| input.windows(32).any(|part| part == format!("{secret:032x}").as_bytes());
    let secret = (7..).find(|secret| !known(secret)).expect("the input is short");
    let (mut framer, mut out, mut rest) = (Framer::new(LIMITS, secret), Out::default(), input);
    let mut steps = steps.iter().cycle();
    loop {
        while !framer.ready().is_empty() {
            if let Some((marker, taken)) = framer.take_out_of_band() {
                out.taken.push((out.bytes.len(), marker, taken));
            }
            let length = framer.ready().len();
            out.bytes.extend_from_slice(framer.ready());
            framer.consume(length);
        }
        if rest.is_empty() {
            framer.end();
            if framer.ready().is_empty() {
                return out;
            }
            continue;
        }
        let step = steps.next().map_or(1, |step| usize::from(*step).max(1)).min(rest.len());
        framer.push(&rest[..step]);
        rest = &rest[step..];
    }
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).expect("the marker stands in its request")
}
