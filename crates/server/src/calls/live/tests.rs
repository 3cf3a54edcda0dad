use super::*;
use ringline_conversation::EndReason;
use ringline_model::{ResponseId, SentenceId};

fn snapshot() -> Snapshot {
    Snapshot {
        call: CallSummary {
            instance_id: "i".into(),
            agent_id: "a".into(),
            user_id: None,
            created_ms: 0,
            state: Agent::Idle,
            user_present: false,
            takeover: None,
        },
        channel_id: "c".into(),
        agent_user_id: "au".into(),
        session_id: "s".into(),
        seq: 0,
        at_ms: 0,
        lines: Vec::new(),
        interruptions: 0,
        latency: None,
        network: None,
        supervisors: Vec::new(),
        ended: None,
    }
}

fn live(most: usize) -> Arc<Live> {
    Arc::new(Live::new(snapshot(), most, Arc::default()))
}

fn step(live: &Live, ms: u64, step: Step, outputs: Vec<Output>) {
    live.step(&JournalEntry { at: CallTime::from_millis(ms), step, outputs });
}

fn says(text: &str, end: bool) -> Output {
    Output::Notify { notice: Notice::AgentSubtitle { text: text.into(), end, sentence: SentenceId(1) } }
}

async fn happened(follow: &mut Follow) -> LiveEvent {
    match follow.next().await {
        Followed::Happened(happening) => happening.event.clone(),
        Followed::Missed(..) | Followed::Over => panic!("nothing happened"),
    }
}

#[tokio::test]
async fn what_was_said_is_in_the_snapshot_and_what_follows_comes_as_events() {
    let live = live(2);
    step(&live, 5, Step::Input(Input::UserJoined), vec![says("Hello ", false)]);
    step(&live, 9, Step::Timeout, vec![says("there.", false)]);
    let (now, mut follow) = live.follow().unwrap();
    assert_eq!((now.lines.len(), now.lines[0].text.as_str(), now.lines[0].end), (1, "Hello there.", false));
    assert!(now.call.user_present && now.seq == 3 && now.at_ms == 9);
    step(&live, 20, Step::Timeout, vec![says("", true)]);
    assert!(matches!(happened(&mut follow).await, LiveEvent::Subtitle(line) if line.end));
    assert!(live.follow().unwrap().0.lines[0].end);
}

#[tokio::test]
async fn a_listener_that_is_too_slow_is_told_how_much_it_missed_and_where_the_call_is() {
    let live = live(1);
    let (_, mut follow) = live.follow().unwrap();
    for _ in 0..BEHIND + 40 {
        step(&live, 1, Step::Input(Input::UserJoined), Vec::new());
    }
    let Followed::Missed(count, now) = follow.next().await else { panic!("nothing was missed") };
    assert_eq!((count, now.seq), (40, BEHIND as u64 + 40));
    step(&live, 2, Step::Input(Input::UserLeft), Vec::new());
    assert!(matches!(happened(&mut follow).await, LiveEvent::User { present: false }));
}

#[tokio::test]
async fn listeners_are_counted_and_let_go_at_the_end() {
    let live = live(1);
    let (_, mut follow) = live.follow().unwrap();
    assert!(live.follow().is_err());
    step(&live, 1, Step::Timeout, vec![Output::End { reason: EndReason::Idle }]);
    assert!(matches!(happened(&mut follow).await, LiveEvent::Ended { reason: "idle" }));
    assert!(matches!(follow.next().await, Followed::Over));
    let (now, mut late) = live.follow().unwrap();
    assert_eq!(now.ended, Some("idle"));
    assert!(matches!(late.next().await, Followed::Over));
}

#[tokio::test]
async fn tools_are_told_with_their_time_and_to_others_without_their_arguments() {
    let live = live(1);
    let (_, mut follow) = live.follow().unwrap();
    let (response, call) = (ResponseId(1), "c1".to_owned());
    let run =
        Output::RunTool { response, call: call.clone(), name: "weather".into(), arguments: "{\"city\":\"X\"}".into() };
    step(&live, 100, Step::Timeout, vec![run]);
    step(&live, 350, Step::Input(Input::ToolFinished { response, call, result: "sunny".into() }), Vec::new());
    let started = happened(&mut follow).await;
    let LiveEvent::Tool(tool) = &started else { panic!("{started:?}") };
    assert_eq!((tool.step, tool.arguments.as_deref()), (ToolStep::Started, Some("{\"city\":\"X\"}")));
    let ended = happened(&mut follow).await;
    let LiveEvent::Tool(tool) = &ended else { panic!("{ended:?}") };
    assert_eq!((tool.duration_ms, tool.result.as_deref()), (Some(250), Some("sunny")));
    let LiveEvent::Tool(tool) = ended.without_arguments() else { panic!("another event") };
    assert_eq!((tool.name.as_str(), tool.arguments, tool.result), ("weather", None, None));
}

#[test]
fn a_snapshot_keeps_the_last_lines() {
    let live = live(1);
    for n in 0..LINES as u64 + 5 {
        let notice = Notice::UserSubtitle { text: format!("{n}"), end: true, sentence: SentenceId(n), voiceprint: 0 };
        step(&live, n, Step::Timeout, vec![Output::Notify { notice }]);
    }
    let (now, _) = live.follow().unwrap();
    assert_eq!((now.lines.len(), now.lines[0].text.as_str()), (LINES, "5"));
}
