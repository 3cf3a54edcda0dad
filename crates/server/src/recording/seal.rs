//! Seals: what a call's journal and recording were when it ended, signed.
//!
//! A seal is a document (JSON) and the Ed25519 signature of [`PREFIX`] and the document, letter for letter. It names the ends of
//! both hash chains and what the tracks come to. The key is made at the first start and kept with the other secrets; seals tell
//! nothing about what somebody did who has it.

use anyhow::Context;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use ringline_model::InstanceId;
use ringline_store::Store;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

pub const NAME: &str = "seal.json";
const PREFIX: &[u8] = b"ringline seal 1\n";
const SETTING: &str = "seal_key";

/// What is signed. Fields are written in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Of this format.
    pub version: u32,
    pub instance: InstanceId,
    /// When, e.g. `2026-01-02T03:04:05Z`.
    pub sealed: String,
    /// The server had died during the call: what there was is sealed at its next start.
    pub after_crash: bool,
    /// The public key, as hex.
    pub key: String,
    pub journal: Option<JournalEnd>,
    pub recording: Option<RecordingEnd>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEnd {
    pub rows: u64,
    /// The last row's link.
    pub head: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingEnd {
    /// Of the log.
    pub lines: u64,
    /// The last line's link.
    pub head: String,
    pub tracks: BTreeMap<String, SealedTrack>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedTrack {
    pub bytes: u64,
    pub sha256: String,
}

/// As it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// A [`Document`], letter for letter as it was signed.
    pub document: String,
    /// As hex.
    pub signature: String,
}

/// What is wrong with a seal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the seal is not readable")]
    Unreadable,
    #[error("the seal's signature is wrong: the seal was changed")]
    BadSignature,
    #[error("the seal was made with another key ({0})")]
    OtherKey(String),
}

/// Signs seals.
pub struct SealKey {
    pair: Ed25519KeyPair,
}

impl SealKey {
    /// The server's own; made if it has none.
    pub async fn of(store: &dyn Store) -> anyhow::Result<Self> {
        let seed = store.put_setting_if_absent(SETTING, &hex(&rand::random::<[u8; 32]>())).await?;
        let seed = ringline_model::chain::Hash::parse(&seed).context("the stored key for seals is not readable")?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_bytes());
        Ok(Self { pair: pair.map_err(|_| anyhow::anyhow!("the stored key for seals is not one"))? })
    }

    /// The public half, as hex.
    pub fn public(&self) -> String {
        hex(self.pair.public_key().as_ref())
    }

    pub fn sign(&self, document: &Document) -> Seal {
        let document = serde_json::to_string(document).expect("a seal is plain JSON");
        let signature = hex(self.pair.sign(&signed(&document)).as_ref());
        Seal { document, signature }
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").field("public", &self.public()).finish_non_exhaustive()
    }
}

impl Seal {
    /// The document, if it was signed with `key` (hex).
    pub fn check(&self, key: &str) -> Result<Document, SealError> {
        let document: Document = serde_json::from_str(&self.document).map_err(|_| SealError::Unreadable)?;
        let signature = unhex(&self.signature).ok_or(SealError::BadSignature)?;
        let own = unhex(&document.key).ok_or(SealError::Unreadable)?;
        UnparsedPublicKey::new(&ED25519, own)
            .verify(&signed(&self.document), &signature)
            .map_err(|_| SealError::BadSignature)?;
        if document.key == key { Ok(document) } else { Err(SealError::OtherKey(document.key)) }
    }
}

fn signed(document: &str) -> Vec<u8> {
    [PREFIX, document.as_bytes()].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SealKey {
        SealKey { pair: Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap() }
    }

    fn document(key: &SealKey) -> Document {
        Document {
            version: 1,
            instance: InstanceId::parse("i").unwrap(),
            sealed: "2026-01-02T03:04:05Z".into(),
            after_crash: false,
            key: key.public(),
            journal: Some(JournalEnd { rows: 3, head: "00".repeat(32) }),
            recording: None,
        }
    }

    #[test]
    fn a_seal_holds_until_a_letter_of_it_is_changed() {
        let key = key(7);
        let seal = key.sign(&document(&key));
        assert_eq!(seal.check(&key.public()), Ok(document(&key)));
        for at in 0..seal.document.len() {
            let mut changed = seal.clone();
            let mut bytes = changed.document.into_bytes();
            bytes[at] ^= 1;
            changed.document = String::from_utf8(bytes).unwrap();
            assert!(changed.check(&key.public()).is_err(), "letter {at}");
        }
        for wrong in ["", "0", "zz", &"00".repeat(64)] {
            let changed = Seal { signature: wrong.into(), ..seal.clone() };
            assert_eq!(changed.check(&key.public()), Err(SealError::BadSignature));
        }
    }

    #[test]
    fn a_seal_of_another_key_is_none_of_ours() {
        let (ours, other) = (key(7), key(8));
        let seal = other.sign(&document(&other));
        assert_eq!(seal.check(&ours.public()), Err(SealError::OtherKey(other.public())));
    }
}
