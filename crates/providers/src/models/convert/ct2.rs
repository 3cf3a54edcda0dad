//! Reading a CTranslate2 weight file (binary version 6): a header, then named tensors.
//!
//! Numbers are little-endian. A string is a `u16` length, that many bytes, the last of them NUL. Header: `u32` version,
//! string specification, `u32` revision, `u32` tensor count. Tensor: string name, `u8` rank, `u32` per dimension,
//! `u8` element type, `u32` byte count, the bytes.

use half::f16;
use std::collections::HashMap;
use std::ops::Range;

const F32: u8 = 0;
const I8: u8 = 1;
const I16: u8 = 2;
const F16: u8 = 4;
/// More tensors than any Whisper has; a larger count means that this is another kind of file.
const MAX_TENSORS: u32 = 100_000;

#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("the weight file ends early")]
    Truncated,
    #[error("this is not a weight file")]
    NotWeights,
    #[error("the weights have no tensor {0:?} of the kind needed")]
    Missing(String),
}

/// The file and where each tensor lies in it; numbers are decoded when asked for.
pub(super) struct Weights {
    bytes: Vec<u8>,
    tensors: HashMap<String, Entry>,
}

struct Entry {
    shape: Vec<usize>,
    kind: u8,
    range: Range<usize>,
}

/// A tensor in row-major order.
pub(super) struct Tensor {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f32>,
}

impl Weights {
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Weights, WeightsError> {
        let mut cursor = Cursor { bytes: &bytes, at: 0 };
        cursor.u32()?;
        cursor.string()?;
        cursor.u32()?;
        let count = cursor.u32()?;
        if count > MAX_TENSORS {
            return Err(WeightsError::NotWeights);
        }
        let mut tensors = HashMap::new();
        for _ in 0..count {
            let name = cursor.string()?;
            let rank = cursor.take(1)?[0];
            let shape = (0..rank).map(|_| Ok(cursor.u32()? as usize)).collect::<Result<Vec<_>, WeightsError>>()?;
            let kind = cursor.take(1)?[0];
            let length = cursor.u32()? as usize;
            let start = cursor.at;
            cursor.take(length)?;
            tensors.insert(name, Entry { shape, kind, range: start..start + length });
        }
        Ok(Weights { bytes, tensors })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Tensor, WeightsError> {
        let missing = || WeightsError::Missing(name.to_owned());
        let entry = self.tensors.get(name).ok_or_else(missing)?;
        let raw = &self.bytes[entry.range.clone()];
        let values: Vec<f32> = match entry.kind {
            F32 => raw.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect(),
            F16 => raw.as_chunks().0.iter().map(|two| f16::from_le_bytes(*two).to_f32()).collect(),
            _ => return Err(missing()),
        };
        if values.len() != entry.shape.iter().product::<usize>() {
            return Err(missing());
        }
        Ok(Tensor { shape: entry.shape.clone(), values })
    }

    /// A whole number stored as a tensor without dimensions.
    pub(super) fn number(&self, name: &str) -> Result<usize, WeightsError> {
        let missing = || WeightsError::Missing(name.to_owned());
        let entry = self.tensors.get(name).ok_or_else(missing)?;
        let value = match (entry.kind, &self.bytes[entry.range.clone()]) {
            (I8, &[byte]) => i64::from(byte.cast_signed()),
            (I16, &[low, high]) => i64::from(i16::from_le_bytes([low, high])),
            _ => return Err(missing()),
        };
        usize::try_from(value).map_err(|_| missing())
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], WeightsError> {
        let end = self.at.checked_add(count).ok_or(WeightsError::Truncated)?;
        let taken = self.bytes.get(self.at..end).ok_or(WeightsError::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, WeightsError> {
        Ok(u32::from_le_bytes(self.take(4)?.try_into().expect("four bytes were taken")))
    }

    fn string(&mut self) -> Result<String, WeightsError> {
        let length = u16::from_le_bytes(self.take(2)?.try_into().expect("two bytes were taken"));
        match self.take(usize::from(length))?.split_last() {
            Some((0, text)) => String::from_utf8(text.to_vec()).map_err(|_| WeightsError::NotWeights),
            _ => Err(WeightsError::NotWeights),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn string(text: &str) -> Vec<u8> {
        let mut bytes = u16::try_from(text.len() + 1).unwrap().to_le_bytes().to_vec();
        bytes.extend(text.bytes().chain([0]));
        bytes
    }

    fn file() -> Vec<u8> {
        let mut bytes = 6u32.to_le_bytes().to_vec();
        bytes.extend(string("WhisperSpec"));
        bytes.extend(3u32.to_le_bytes());
        bytes.extend(2u32.to_le_bytes());
        bytes.extend(string("a/weight"));
        bytes.push(2);
        bytes.extend([2u32, 1].iter().flat_map(|n| n.to_le_bytes()));
        bytes.push(F16);
        bytes.extend(4u32.to_le_bytes());
        bytes.extend([1.5f32, -2.0].iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()));
        bytes.extend(string("heads"));
        bytes.extend([0, I16]);
        bytes.extend(2u32.to_le_bytes());
        bytes.extend(8i16.to_le_bytes());
        bytes
    }

    #[test]
    fn tensors_and_numbers_are_read_by_name() {
        let weights = Weights::parse(file()).unwrap();
        let tensor = weights.tensor("a/weight").unwrap();
        assert_eq!((tensor.shape, tensor.values), (vec![2, 1], vec![1.5, -2.0]));
        assert_eq!(weights.number("heads").unwrap(), 8);
        assert!(matches!(weights.tensor("heads"), Err(WeightsError::Missing(_))));
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error() {
        let whole = file();
        for end in 0..whole.len() {
            assert!(Weights::parse(whole[..end].to_vec()).is_err(), "cut at {end}");
        }
    }
}
