//! Deterministic providers that need no models: for tests, simulation, benches, and for trying the whole system.
//!
//! A [`Script`] holds the lines of one conversation and how long each stage takes. [`ScriptedFamily`] is the process's
//! copy of it; [`ScriptedFamily::call`] makes the providers of one call, because which line is heard next is the call's
//! own state. Real audio counts only as "somebody spoke for so long": what was said comes from the script.
//!
//! Delays run on tokio's clock, so a test that pauses it runs in no time and always in the same order.

mod embedder;
mod end_of_turn;
mod language_model;
mod recognizer;
mod script;
mod synthesizer;
mod tone;

use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

pub use embedder::ScriptedEmbedder;
pub use end_of_turn::ScriptedEndOfTurn;
pub use language_model::ScriptedLanguageModel;
pub use recognizer::ScriptedRecognizer;
pub use script::{AtEnd, How, Script, ScriptError, ScriptTurn, ScriptedToolCall, Stage, Timing, Trouble};
pub use synthesizer::{SCRIPTED_RATE, ScriptedSynthesizer};
pub use tone::speech_like;

/// The scripted providers of a process.
#[derive(Clone, Debug)]
pub struct ScriptedFamily {
    script: Arc<Script>,
    runtime: Handle,
}

/// The scripted providers of one call.
#[derive(Clone, Debug)]
pub struct ScriptedCall {
    pub recognizer: Arc<ScriptedRecognizer>,
    pub end_of_turn: Arc<ScriptedEndOfTurn>,
    pub language_model: Arc<ScriptedLanguageModel>,
    pub synthesizer: Arc<ScriptedSynthesizer>,
}

impl ScriptedFamily {
    /// `runtime` runs the delays; requests may then come from any thread.
    pub fn new(script: Script, runtime: Handle) -> Self {
        Self { script: Arc::new(script), runtime }
    }

    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Providers that start at the script's first line.
    pub fn call(&self) -> ScriptedCall {
        let performance = Arc::new(Performance::new(self.script.clone()));
        ScriptedCall {
            recognizer: Arc::new(ScriptedRecognizer::new(performance.clone(), self.runtime.clone())),
            end_of_turn: Arc::new(ScriptedEndOfTurn),
            language_model: Arc::new(ScriptedLanguageModel::new(performance.clone(), self.runtime.clone())),
            synthesizer: Arc::new(ScriptedSynthesizer::new(performance, self.runtime.clone())),
        }
    }
}

/// One call's run through the script: which line comes next, and which troubles have already struck.
#[derive(Debug)]
struct Performance {
    script: Arc<Script>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Lines heard so far, counted past the script's end.
    heard: usize,
    /// Per turn: how often its trouble has struck.
    struck: Vec<u32>,
}

impl Performance {
    fn new(script: Arc<Script>) -> Self {
        let state = State { heard: 0, struck: vec![0; script.turns.len()] };
        Self { script, state: Mutex::new(state) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change below is one assignment, so a panic elsewhere cannot have left the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn that the next finished utterance will be.
    fn next_turn(&self) -> usize {
        self.script.turn_at(self.state().heard)
    }

    /// Takes that turn: the utterance after it gets the following one.
    fn take_turn(&self) -> usize {
        let mut state = self.state();
        let turn = self.script.turn_at(state.heard);
        state.heard = state.heard.saturating_add(1);
        turn
    }

    /// The trouble that a request of this turn and stage meets now, counted as having struck.
    fn trouble(&self, turn: usize, stage: Stage) -> Option<Trouble> {
        let trouble = self.script.turns[turn].trouble.filter(|trouble| trouble.stage == stage)?;
        let struck = &mut self.state().struck[turn];
        if trouble.times.is_some_and(|times| *struck >= times) {
            return None;
        }
        *struck = struck.saturating_add(1);
        Some(trouble)
    }
}
