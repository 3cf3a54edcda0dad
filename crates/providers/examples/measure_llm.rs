//! How fast the local language model is on this machine: `measure_llm MODEL [THREADS]`, where MODEL is the name of a
//! model in the store or a GGUF file. Three turns of one conversation; start it with OMP_WAIT_POLICY=passive.

use ringline_providers::local::llama::{LlamaConfig, LlamaModel, default_threads, wait_policy_ok};
use ringline_providers::models::ModelStore;
use ringline_providers::{ChatContext, ChatEvent, ChatMessage, ChatRequest, ChatRole, LanguageModel};
use std::path::PathBuf;
use std::time::Instant;

const SYSTEM: &str = "You are Ava, a friendly voice assistant on a phone call. Answer in one or two short spoken sentences. Never use lists, markdown or code.";
const TURNS: [&str; 3] = [
    "Hello, I'm planning a trip to Lisbon. Is spring a good time?",
    "And what should I eat there?",
    "What was my first question about?",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or_else(|| anyhow::anyhow!("which model?"))?;
    let threads = arguments.next().map(|threads| threads.parse()).transpose()?;
    let path = if name.ends_with(".gguf") { PathBuf::from(name) } else { ModelStore::open_default()?.path(&name)? };
    println!("passive waiting: {}, threads: {}", wait_policy_ok(), threads.unwrap_or_else(default_threads));

    let started = Instant::now();
    let config = LlamaConfig { threads, warm_up: Some(SYSTEM.into()), ..LlamaConfig::default() };
    let model = tokio::task::spawn_blocking(move || LlamaModel::load(&path, config)).await??;
    println!("load with system prompt: {:.2} s", started.elapsed().as_secs_f32());

    let mut messages = vec![ChatMessage::new(ChatRole::System, SYSTEM)];
    for turn in TURNS {
        messages.push(ChatMessage::new(ChatRole::User, turn));
        let context = ChatContext { instance_id: "measure".into(), ..ChatContext::default() };
        let asked = Instant::now();
        let mut events = model.generate(ChatRequest { messages: messages.clone(), tools: Vec::new(), context });
        let (mut answer, mut pieces, mut first) = (String::new(), 0u32, None);
        while let Some(event) = events.recv().await {
            match event {
                ChatEvent::Text(text) => {
                    first.get_or_insert_with(Instant::now);
                    pieces += 1;
                    answer.push_str(&text);
                }
                ChatEvent::Reasoning(_) | ChatEvent::ToolCalls(_) | ChatEvent::FellBack { .. } => {}
                ChatEvent::Finished => break,
                ChatEvent::Failed(error) => return Err(error.into()),
            }
        }
        let first = first.unwrap_or(asked);
        let rate = f64::from(pieces.saturating_sub(1)) / first.elapsed().as_secs_f64();
        println!("first token {} ms, {rate:.1} tokens/s: {answer}", (first - asked).as_millis());
        messages.push(ChatMessage::new(ChatRole::Assistant, answer));
    }
    Ok(())
}
