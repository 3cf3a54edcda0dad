//! Transformer layers as ONNX operators. Shapes: `x` is [1, time, width]; heads are [1, heads, time, width / heads].

use super::ct2::{Tensor, Weights, WeightsError};
use super::graph::{Attribute, Graph, Kind, Value};

/// Largest magnitude of a quantised weight.
const QUANTISED_MAX: f32 = 127.0;
/// Below this a row counts as zero.
const TINY: f32 = 1e-9;
/// Of Whisper's layer normalisations (PyTorch's default).
const EPSILON: f32 = 1e-5;

/// The graph under construction, the weights it takes, and the model's measures.
pub(super) struct Builder<'a> {
    pub(super) graph: Graph,
    pub(super) weights: &'a Weights,
    pub(super) width: usize,
    pub(super) heads: usize,
}

impl Builder<'_> {
    pub(super) fn head_width(&self) -> usize {
        self.width / self.heads
    }

    /// `x · wᵀ + b`. `weight` holds a row per output. Weights are int8 with a scale per output, activations are
    /// quantised on the fly.
    pub(super) fn linear_of(&mut self, x: &Value, weight: &[f32], outputs: usize, bias: Option<&[f32]>) -> Value {
        let inputs = weight.len() / outputs;
        let (rows, scales) = quantise_rows(weight, inputs);
        let mut columns = vec![0i8; rows.len()];
        for (row, values) in rows.chunks_exact(inputs).enumerate() {
            for (column, value) in values.iter().enumerate() {
                columns[column * outputs + row] = *value;
            }
        }
        let x = self.graph.quantise(x);
        let weight = self.graph.int8s(&[inputs, outputs], &columns);
        let scales = self.graph.floats(&[outputs], &scales);
        let zeros = self.graph.int8s(&[outputs], &vec![0; outputs]);
        let product = self.graph.node("MatMulInteger", &[&x.values, &weight, &x.zero, &zeros], &[]);
        let product = self.graph.node("Cast", &[&product], &[("to", Attribute::Int(Kind::F32 as i64))]);
        let scale = self.graph.node("Mul", &[&x.scale, &scales], &[]);
        let y = self.graph.node("Mul", &[&product, &scale], &[]);
        match bias {
            Some(bias) => {
                let bias = self.graph.floats(&[outputs], bias);
                self.graph.node("Add", &[&y, &bias], &[])
            }
            None => y,
        }
    }

    /// The linear layer called `path`.
    pub(super) fn linear(&mut self, x: &Value, path: &str) -> Result<Value, WeightsError> {
        let weight = self.weights.tensor(&format!("{path}/weight"))?;
        let bias = self.weights.tensor(&format!("{path}/bias"))?;
        Ok(self.linear_of(x, &weight.values, weight.shape[0], Some(&bias.values)))
    }

    /// `count` square linear layers stored as one (queries, keys, values), each split into heads.
    pub(super) fn projections(&mut self, x: &Value, path: &str, count: usize) -> Result<Vec<Value>, WeightsError> {
        let weight = self.sized(&format!("{path}/weight"), count * self.width * self.width)?;
        let bias = self.sized(&format!("{path}/bias"), count * self.width)?;
        let parts = weight.values.chunks_exact(self.width * self.width).zip(bias.values.chunks_exact(self.width));
        let (width, mut projections) = (self.width, Vec::with_capacity(count));
        for (weight, bias) in parts {
            let y = self.linear_of(x, weight, width, Some(bias));
            projections.push(self.split_heads(&y));
        }
        Ok(projections)
    }

    pub(super) fn split_heads(&mut self, x: &Value) -> Value {
        let shape = self.graph.ints(&[0, 0, self.heads as i64, self.head_width() as i64]);
        let y = self.graph.node("Reshape", &[x, &shape], &[]);
        self.graph.node("Transpose", &[&y], &[("perm", Attribute::Ints(&[0, 2, 1, 3]))])
    }

    /// Scaled dot-product attention; the heads are joined again. `mask` is added to the scores.
    pub(super) fn attention(&mut self, [q, k, v]: [&Value; 3], mask: Option<&Value>) -> Value {
        let scale = self.graph.floats(&[], &[1.0 / (self.head_width() as f32).sqrt()]);
        let q = self.graph.node("Mul", &[q, &scale], &[]);
        let k = self.graph.node("Transpose", &[k], &[("perm", Attribute::Ints(&[0, 1, 3, 2]))]);
        let mut scores = self.graph.node("MatMul", &[&q, &k], &[]);
        if let Some(mask) = mask {
            scores = self.graph.node("Add", &[&scores, mask], &[]);
        }
        let shares = self.graph.node("Softmax", &[&scores], &[("axis", Attribute::Int(-1))]);
        let y = self.graph.node("MatMul", &[&shares, v], &[]);
        let y = self.graph.node("Transpose", &[&y], &[("perm", Attribute::Ints(&[0, 2, 1, 3]))]);
        let shape = self.graph.ints(&[0, 0, self.width as i64]);
        self.graph.node("Reshape", &[&y, &shape], &[])
    }

    pub(super) fn normalise(&mut self, x: &Value, path: &str) -> Result<Value, WeightsError> {
        let gamma = self.sized(&format!("{path}/gamma"), self.width)?;
        let beta = self.sized(&format!("{path}/beta"), self.width)?;
        let gamma = self.graph.floats(&[self.width], &gamma.values);
        let beta = self.graph.floats(&[self.width], &beta.values);
        let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(EPSILON))];
        Ok(self.graph.node("LayerNormalization", &[x, &gamma, &beta], &attributes))
    }

    /// `x` plus the feed-forward block of `layer`.
    pub(super) fn feed_forward(&mut self, x: &Value, layer: &str) -> Result<Value, WeightsError> {
        let y = self.normalise(x, &format!("{layer}/ffn/layer_norm"))?;
        let y = self.linear(&y, &format!("{layer}/ffn/linear_0"))?;
        let y = self.graph.node("Gelu", &[&y], &[]);
        let y = self.linear(&y, &format!("{layer}/ffn/linear_1"))?;
        Ok(self.graph.node("Add", &[x, &y], &[]))
    }

    /// A convolution over time with kernel 3 and its activation.
    pub(super) fn convolution(
        &mut self,
        x: &Value,
        name: &str,
        inputs: usize,
        stride: i64,
    ) -> Result<Value, WeightsError> {
        let weight = self.sized(&format!("encoder/{name}/weight"), self.width * inputs * 3)?;
        let bias = self.sized(&format!("encoder/{name}/bias"), self.width)?;
        let weight = self.graph.floats(&[self.width, inputs, 3], &weight.values);
        let bias = self.graph.floats(&[self.width], &bias.values);
        let attributes = [
            ("kernel_shape", Attribute::Ints(&[3])),
            ("pads", Attribute::Ints(&[1, 1])),
            ("strides", Attribute::Ints(&[stride])),
        ];
        let y = self.graph.node("Conv", &[x, &weight, &bias], &attributes);
        Ok(self.graph.node("Gelu", &[&y], &[]))
    }

    /// A tensor that must have so many numbers.
    pub(super) fn sized(&self, name: &str, count: usize) -> Result<Tensor, WeightsError> {
        let tensor = self.weights.tensor(name)?;
        if tensor.values.len() == count { Ok(tensor) } else { Err(WeightsError::Missing(name.to_owned())) }
    }
}

/// Each row of `width` numbers as int8 and the scale that gives them back.
pub(super) fn quantise_rows(values: &[f32], width: usize) -> (Vec<i8>, Vec<f32>) {
    let (mut quantised, mut scales) = (Vec::with_capacity(values.len()), Vec::new());
    for row in values.chunks_exact(width) {
        let scale = row.iter().fold(TINY, |most, value| most.max(value.abs())) / QUANTISED_MAX;
        scales.push(scale);
        quantised.extend(row.iter().map(|value| (value / scale).round().clamp(-QUANTISED_MAX, QUANTISED_MAX) as i8));
    }
    (quantised, scales)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantised_rows_come_back_within_half_a_step() {
        let values = [0.5, -1.0, 0.25, 0.0, 100.0, -3.0, 0.0, 0.0, 0.0];
        let (quantised, scales) = quantise_rows(&values, 3);
        for (index, value) in values.iter().enumerate() {
            let scale = scales[index / 3];
            assert!((f32::from(quantised[index]) * scale - value).abs() <= scale / 2.0 * 1.001, "{value}");
        }
        assert_eq!(quantised[6..], [0, 0, 0]);
    }
}
