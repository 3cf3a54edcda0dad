use ringline_model::{AgentId, CallbackSettings, ChannelId, InstanceId};
use ringline_protocol::callback::{Happened, Subject};
use ringline_store::{EventRecord, limits};

/// Turns what happens to one instance into the events that its agent wants told.
#[derive(Clone, Debug)]
pub struct Reporter {
    subject: Subject,
    wanted: Wanted,
}

#[derive(Clone, Debug)]
enum Wanted {
    None,
    All,
    Named(Vec<String>),
}

impl Reporter {
    pub fn new(settings: &CallbackSettings, agent: AgentId, instance: InstanceId, channel: ChannelId) -> Self {
        let wanted = match &settings.events {
            _ if !settings.enabled || settings.url.is_empty() => Wanted::None,
            None => Wanted::All,
            Some(names) => Wanted::Named(names.clone()),
        };
        Self { subject: Subject { agent, instance, channel }, wanted }
    }

    /// The event to store, if it is wanted. One whose body is beyond what the store takes is left out, which the log says.
    pub fn report(&self, happened: &Happened, user_data: Option<&str>, at_ms: i64) -> Option<EventRecord> {
        let name = happened.name();
        let wanted = match &self.wanted {
            Wanted::None => false,
            Wanted::All => true,
            Wanted::Named(names) => names.iter().any(|wanted| wanted == name),
        };
        if !wanted {
            return None;
        }
        let body = happened.body(&self.subject, user_data, at_ms);
        if body.len() > limits::EVENT_BODY_BYTES {
            let (call, bytes) = (&self.subject.instance, body.len());
            tracing::warn!(call.id = %call, event = name, bytes, "an event is too large to be told");
            return None;
        }
        Some(EventRecord { name: name.to_owned(), body, at_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reporter(settings: &CallbackSettings) -> Reporter {
        let id = |text: &str| InstanceId::parse(text).expect("an id");
        let channel = ChannelId::parse("c").expect("an id");
        Reporter::new(settings, AgentId::parse("a").expect("an id"), id("i"), channel)
    }

    fn settings(events: Option<&[&str]>) -> CallbackSettings {
        CallbackSettings {
            enabled: true,
            url: "https://a.example".into(),
            events: events.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
            ..CallbackSettings::default()
        }
    }

    fn told(settings: &CallbackSettings, happened: &Happened) -> bool {
        reporter(settings).report(happened, None, 1).is_some()
    }

    #[test]
    fn only_events_that_are_named_are_told_and_all_if_none_is() {
        let some = settings(Some(&["agent_stop", "session_start", "never_heard_of"]));
        assert!(told(&some, &Happened::SessionStart));
        assert!(!told(&some, &Happened::AgentStart));
        assert!(told(&settings(None), &Happened::AgentStart));
        assert!(!told(&settings(Some(&[])), &Happened::AgentStart));
    }

    #[test]
    fn callbacks_that_are_off_or_lead_nowhere_are_told_nothing() {
        let off = CallbackSettings { enabled: false, ..settings(None) };
        let nowhere = CallbackSettings { url: String::new(), ..settings(None) };
        assert!(!told(&off, &Happened::AgentStart) && !told(&nowhere, &Happened::AgentStart));
    }

    #[test]
    fn an_event_has_its_name_its_time_and_the_whole_body() {
        let event = reporter(&settings(None)).report(&Happened::AgentStart, Some("u"), 5000).expect("wanted");
        assert_eq!((event.name.as_str(), event.at_ms), ("agent_start", 5000));
        let body = r#"{"aiAgentId":"a","instanceId":"i","event":"agent_start","code":"200","message":"Success","timestamp":"1970-01-01T00:00:05Z","userData":"u","extendData":{"channelId":"c"}}"#;
        assert_eq!(event.body, body);
    }

    #[test]
    fn an_event_that_the_store_would_refuse_is_left_out() {
        let message = "x".repeat(limits::EVENT_BODY_BYTES);
        assert!(!told(&settings(None), &Happened::ClientDefinedData(message)));
    }
}
