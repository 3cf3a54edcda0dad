//! Whisper as two graphs.
//!
//! Encoder: `mel` [1, 80, T] (T even, at most 3000) → `ck{i}`, `cv{i}` [1, heads, S = T/2, head width], the keys and
//! values that decoder layer `i` attends to. Decoder: `tokens` [1, N], `pos` [1] (tokens before these), the cross keys
//! and values, `pk{i}`, `pv{i}` [1, heads, P, head width] of earlier tokens → `logits` [1, 1, vocabulary] after the last
//! token, and `nk{i}`, `nv{i}` with P + N tokens.

use super::ct2::{Weights, WeightsError};
use super::graph::{Attribute, Dim, Graph, Kind, Port, Value};
use super::layers::{Builder, quantise_rows};

/// Mel channels.
const MELS: usize = 80;
/// Encoder positions of a full window of 30 s.
const AUDIO_POSITIONS: usize = 1500;
/// Longest text, in tokens.
const TEXT_POSITIONS: usize = 448;
/// Added to the score of a token that lies in the future.
const MASKED: f32 = -1e9;

pub(super) fn encoder(weights: &Weights) -> Result<Vec<u8>, WeightsError> {
    let mut b = builder(weights)?;
    let x = b.convolution(&Value::named("mel"), "conv1", MELS, 1)?;
    let x = b.convolution(&x, "conv2", b.width, 2)?;
    let x = b.graph.node("Transpose", &[&x], &[("perm", Attribute::Ints(&[0, 2, 1]))]);
    let length = length_of(&mut b.graph, &x);
    let positions = b.sized("encoder/position_encodings/encodings", AUDIO_POSITIONS * b.width)?;
    let positions = b.graph.floats(&[AUDIO_POSITIONS, b.width], &positions.values);
    let zero = b.graph.ints(&[0]);
    let positions = b.graph.node("Slice", &[&positions, &zero, &length, &zero], &[]);
    let mut x = b.graph.node("Add", &[&x, &positions], &[]);
    for layer in (0..layers(weights, "encoder")).map(|i| format!("encoder/layer_{i}")) {
        let y = b.normalise(&x, &format!("{layer}/self_attention/layer_norm"))?;
        let qkv = b.projections(&y, &format!("{layer}/self_attention/linear_0"), 3)?;
        let y = b.attention([&qkv[0], &qkv[1], &qkv[2]], None);
        let y = b.linear(&y, &format!("{layer}/self_attention/linear_1"))?;
        let y = b.graph.node("Add", &[&x, &y], &[]);
        x = b.feed_forward(&y, &layer)?;
    }
    let x = b.normalise(&x, "encoder/layer_norm")?;
    let mut outputs = Vec::new();
    for i in 0..layers(weights, "decoder") {
        let projections = b.projections(&x, &format!("decoder/layer_{i}/attention/linear_1"), 2)?;
        for (name, value) in ["ck", "cv"].into_iter().zip(&projections) {
            let port = heads_port(&b, format!("{name}{i}"), "S");
            b.graph.node_into("Identity", &[value], &[&port.name], &[]);
            outputs.push(port);
        }
    }
    let mel = Port {
        name: Value::named("mel"),
        kind: Kind::F32,
        shape: vec![Dim::Fixed(1), Dim::Fixed(MELS), Dim::Free("T")],
    };
    Ok(b.graph.finish(&[mel], &outputs))
}

pub(super) fn decoder(weights: &Weights) -> Result<Vec<u8>, WeightsError> {
    let mut b = builder(weights)?;
    let embeddings = weights.tensor("decoder/embeddings/weight")?;
    let vocabulary = embeddings.shape[0];
    let tokens = Value::named("tokens");
    let (zero, one) = (b.graph.ints(&[0]), b.graph.ints(&[1]));
    let start = Value::named("pos");
    let length = length_of(&mut b.graph, &tokens);
    let end = b.graph.node("Add", &[&start, &length], &[]);

    let x = embed(&mut b, &embeddings.values, vocabulary, &tokens);
    let positions = b.sized("decoder/position_encodings/encodings", TEXT_POSITIONS * b.width)?;
    let positions = b.graph.floats(&[TEXT_POSITIONS, b.width], &positions.values);
    let positions = b.graph.node("Slice", &[&positions, &start, &end, &zero], &[]);
    let mut x = b.graph.node("Add", &[&x, &positions], &[]);

    let mask = b.graph.floats(&[TEXT_POSITIONS, TEXT_POSITIONS], &causal_mask());
    let mask = b.graph.node("Slice", &[&mask, &start, &end, &zero], &[]);
    let mask = b.graph.node("Slice", &[&mask, &zero, &end, &one], &[]);

    let mut inputs = vec![
        Port { name: tokens, kind: Kind::I64, shape: vec![Dim::Fixed(1), Dim::Free("N")] },
        Port { name: start, kind: Kind::I64, shape: vec![Dim::Fixed(1)] },
    ];
    let logits_shape = vec![Dim::Fixed(1), Dim::Fixed(1), Dim::Fixed(vocabulary)];
    let mut outputs = vec![Port { name: Value::named("logits"), kind: Kind::F32, shape: logits_shape }];
    for i in 0..layers(weights, "decoder") {
        let layer = format!("decoder/layer_{i}");
        let y = b.normalise(&x, &format!("{layer}/self_attention/layer_norm"))?;
        let qkv = b.projections(&y, &format!("{layer}/self_attention/linear_0"), 3)?;
        for (name, new) in ["k", "v"].into_iter().zip(&qkv[1..]) {
            let (past, next) = (heads_port(&b, format!("p{name}{i}"), "P"), heads_port(&b, format!("n{name}{i}"), "Q"));
            b.graph.node_into("Concat", &[&past.name, new], &[&next.name], &[("axis", Attribute::Int(2))]);
            inputs.push(past);
            outputs.push(next);
        }
        let [nk, nv] = ["nk", "nv"].map(|name| Value::named(format_args!("{name}{i}")));
        let y = b.attention([&qkv[0], &nk, &nv], Some(&mask));
        let y = b.linear(&y, &format!("{layer}/self_attention/linear_1"))?;
        let x1 = b.graph.node("Add", &[&x, &y], &[]);

        let y = b.normalise(&x1, &format!("{layer}/attention/layer_norm"))?;
        let q = b.linear(&y, &format!("{layer}/attention/linear_0"))?;
        let q = b.split_heads(&q);
        let [ck, cv] = ["ck", "cv"].map(|name| heads_port(&b, format!("{name}{i}"), "S"));
        let y = b.attention([&q, &ck.name, &cv.name], None);
        inputs.extend([ck, cv]);
        let y = b.linear(&y, &format!("{layer}/attention/linear_2"))?;
        let x2 = b.graph.node("Add", &[&x1, &y], &[]);
        x = b.feed_forward(&x2, &layer)?;
    }
    let (last, end) = (b.graph.ints(&[-1]), b.graph.ints(&[i64::from(i32::MAX)]));
    let x = b.graph.node("Slice", &[&x, &last, &end, &one], &[]);
    let x = b.normalise(&x, "decoder/layer_norm")?;
    let logits = b.linear_of(&x, &embeddings.values, vocabulary, None);
    b.graph.node_into("Identity", &[&logits], &[&outputs[0].name], &[]);
    Ok(b.graph.finish(&inputs, &outputs))
}

fn builder(weights: &Weights) -> Result<Builder<'_>, WeightsError> {
    let width = weights.tensor("encoder/conv1/bias")?.values.len();
    let heads = weights.number("encoder/num_heads")?;
    if heads == 0 || !width.is_multiple_of(heads) {
        return Err(WeightsError::Missing("encoder/num_heads".to_owned()));
    }
    Ok(Builder { graph: Graph::default(), weights, width, heads })
}

/// How many layers the half called `side` has.
fn layers(weights: &Weights, side: &str) -> usize {
    let prefix = format!("{side}/layer_");
    weights.names().filter(|name| name.starts_with(&prefix) && name.ends_with("/ffn/linear_0/bias")).count()
}

/// The size of dimension 1, as a vector of one.
fn length_of(graph: &mut Graph, x: &Value) -> Value {
    graph.node("Shape", &[x], &[("start", Attribute::Int(1)), ("end", Attribute::Int(2))])
}

/// Rows of the embedding table, kept as int8 with a scale per token.
fn embed(b: &mut Builder<'_>, table: &[f32], vocabulary: usize, tokens: &Value) -> Value {
    let (rows, scales) = quantise_rows(table, b.width);
    let rows = b.graph.int8s(&[vocabulary, b.width], &rows);
    let scales = b.graph.floats(&[vocabulary, 1], &scales);
    let x = b.graph.node("Gather", &[&rows, tokens], &[]);
    let x = b.graph.node("Cast", &[&x], &[("to", Attribute::Int(Kind::F32 as i64))]);
    let scale = b.graph.node("Gather", &[&scales, tokens], &[]);
    b.graph.node("Mul", &[&x, &scale], &[])
}

fn causal_mask() -> Vec<f32> {
    let cell = |i: usize| if i % TEXT_POSITIONS > i / TEXT_POSITIONS { MASKED } else { 0.0 };
    (0..TEXT_POSITIONS * TEXT_POSITIONS).map(cell).collect()
}

fn heads_port(b: &Builder<'_>, name: String, length: &'static str) -> Port {
    let shape = vec![Dim::Fixed(1), Dim::Fixed(b.heads), Dim::Free(length), Dim::Fixed(b.head_width())];
    Port { name: Value::named(name), kind: Kind::F32, shape }
}
