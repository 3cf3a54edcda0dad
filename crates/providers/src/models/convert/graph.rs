//! Writing an ONNX graph: just the parts of the protobuf schema (onnx.proto, IR version 9) that Whisper needs.

use std::collections::HashMap;
use std::fmt;

/// Element types of the schema.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    F32 = 1,
    I8 = 3,
    I64 = 7,
}

/// A value in the graph, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Value(String);

impl Value {
    pub(super) fn named(name: impl fmt::Display) -> Value {
        Value(name.to_string())
    }
}

pub(super) enum Attribute<'a> {
    Int(i64),
    Float(f32),
    Ints(&'a [i64]),
}

/// A dimension of an input or output.
#[derive(Clone, Copy)]
pub(super) enum Dim {
    Fixed(usize),
    Free(&'static str),
}

/// A graph's input or output.
pub(super) struct Port {
    pub(super) name: Value,
    pub(super) kind: Kind,
    pub(super) shape: Vec<Dim>,
}

/// The three outputs of one DynamicQuantizeLinear: values, scale, zero point.
#[derive(Clone)]
pub(super) struct Quantised {
    pub(super) values: Value,
    pub(super) scale: Value,
    pub(super) zero: Value,
}

#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<u8>,
    constants: Vec<u8>,
    count: usize,
    quantised: HashMap<Value, Quantised>,
}

impl Graph {
    pub(super) fn constant(&mut self, kind: Kind, shape: &[usize], bytes: &[u8]) -> Value {
        let name = self.fresh("k");
        let mut tensor = Message::default();
        for dim in shape {
            tensor.int(1, *dim as i64);
        }
        tensor.int(2, kind as i64);
        tensor.bytes(8, name.0.as_bytes());
        tensor.bytes(9, bytes);
        field(&mut self.constants, 5, &tensor.0);
        name
    }

    pub(super) fn floats(&mut self, shape: &[usize], values: &[f32]) -> Value {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Kind::F32, shape, &bytes)
    }

    pub(super) fn int8s(&mut self, shape: &[usize], values: &[i8]) -> Value {
        let bytes: Vec<u8> = values.iter().map(|value| value.cast_unsigned()).collect();
        self.constant(Kind::I8, shape, &bytes)
    }

    pub(super) fn ints(&mut self, values: &[i64]) -> Value {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Kind::I64, &[values.len()], &bytes)
    }

    /// Adds an operator with one new output.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&Value], attributes: &[(&str, Attribute)]) -> Value {
        let output = self.fresh("v");
        self.node_into(operator, inputs, &[&output], attributes);
        output
    }

    /// Adds an operator whose outputs have these names.
    pub(super) fn node_into(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        outputs: &[&Value],
        attributes: &[(&str, Attribute)],
    ) {
        let mut node = Message::default();
        for input in inputs {
            node.bytes(1, input.0.as_bytes());
        }
        for output in outputs {
            node.bytes(2, output.0.as_bytes());
        }
        node.bytes(4, operator.as_bytes());
        for (name, attribute) in attributes {
            let mut message = Message::default();
            message.bytes(1, name.as_bytes());
            match attribute {
                Attribute::Float(value) => {
                    message.float(2, *value);
                    message.int(20, 1);
                }
                Attribute::Int(value) => {
                    message.int(3, *value);
                    message.int(20, 2);
                }
                Attribute::Ints(values) => {
                    for value in *values {
                        message.int(8, *value);
                    }
                    message.int(20, 7);
                }
            }
            node.bytes(5, &message.0);
        }
        field(&mut self.nodes, 1, &node.0);
    }

    /// `x` as unsigned bytes; asked twice for the same value, the graph computes it once.
    pub(super) fn quantise(&mut self, x: &Value) -> Quantised {
        if let Some(quantised) = self.quantised.get(x) {
            return quantised.clone();
        }
        let part = |suffix| Value(format!("{}_{suffix}", x.0));
        let quantised = Quantised { values: part("q"), scale: part("s"), zero: part("z") };
        self.node_into("DynamicQuantizeLinear", &[x], &[&quantised.values, &quantised.scale, &quantised.zero], &[]);
        self.quantised.insert(x.clone(), quantised.clone());
        quantised
    }

    /// The finished model, for operator set 20.
    pub(super) fn finish(self, inputs: &[Port], outputs: &[Port]) -> Vec<u8> {
        let mut graph = Message(self.nodes);
        graph.bytes(2, b"ringline");
        graph.0.extend_from_slice(&self.constants);
        for (number, ports) in [(11, inputs), (12, outputs)] {
            for port in ports {
                graph.bytes(number, &port.encode().0);
            }
        }
        let mut opset = Message::default();
        opset.bytes(1, b"");
        opset.int(2, 20);
        let mut model = Message::default();
        model.int(1, 9);
        model.bytes(7, &graph.0);
        model.bytes(8, &opset.0);
        model.0
    }

    fn fresh(&mut self, prefix: &str) -> Value {
        self.count += 1;
        Value(format!("{prefix}{}", self.count))
    }
}

impl Port {
    fn encode(&self) -> Message {
        let mut shape = Message::default();
        for dim in &self.shape {
            let mut message = Message::default();
            match dim {
                Dim::Fixed(size) => message.int(1, *size as i64),
                Dim::Free(name) => message.bytes(2, name.as_bytes()),
            }
            shape.bytes(1, &message.0);
        }
        let (mut tensor, mut kind, mut port) = (Message::default(), Message::default(), Message::default());
        tensor.int(1, self.kind as i64);
        tensor.bytes(2, &shape.0);
        kind.bytes(1, &tensor.0);
        port.bytes(1, self.name.0.as_bytes());
        port.bytes(2, &kind.0);
        port
    }
}

/// A protobuf message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn int(&mut self, number: u64, value: i64) {
        varint(&mut self.0, number << 3);
        varint(&mut self.0, value.cast_unsigned());
    }

    fn float(&mut self, number: u64, value: f32) {
        varint(&mut self.0, number << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, number: u64, bytes: &[u8]) {
        field(&mut self.0, number, bytes);
    }
}

fn field(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_protobuf_says() {
        let mut message = Message::default();
        message.int(1, 150);
        message.bytes(2, b"testing");
        assert_eq!(message.0, b"\x08\x96\x01\x12\x07testing");
        let mut negative = Message::default();
        negative.int(1, -1);
        assert_eq!(negative.0, b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    }

    #[test]
    fn a_value_is_quantised_once() {
        let mut graph = Graph::default();
        let x = Value::named("x");
        graph.quantise(&x);
        let before = graph.nodes.len();
        graph.quantise(&x);
        assert_eq!(graph.nodes.len(), before);
    }
}
