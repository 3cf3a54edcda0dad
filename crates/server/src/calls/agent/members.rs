//! Who is in the channel beside the agent: their transports, how long their tokens let them stay, and what the user is told
//! of the others (9003) and everybody of the end (9002).
//!
//! A member may stay until the token sent last has run out and [`GRACE`] has passed. Then the member is out as if gone by
//! themselves: a user who comes back with a fresh token within `UserOfflineTimeout` finds the call going on.

use super::Task;
use crate::calls::Who;
use crate::calls::media::MediaCommand;
use ringline_conversation::{Input, Step};
use ringline_model::{CallTime, UserId};
use ringline_protocol::datachannel::{ByeReason, Member, MemberRole, ServerMessage};
use ringline_protocol::signaling::GRACE;
use ringline_rtc::Peer;

/// Until when members may stay.
#[derive(Debug)]
pub(super) struct Members {
    /// Unix ms at call time 0.
    began_ms: i64,
    /// Expiry of their tokens, in Unix seconds; none: never there, or put out.
    user: Option<i64>,
    human: Option<i64>,
    /// Who is in charge, or speaks to both.
    human_speaks: Option<UserId>,
}

impl Members {
    pub fn new(began_ms: i64) -> Self {
        Self { began_ms, user: None, human: None, human_speaks: None }
    }

    fn place(&mut self, who: Who) -> &mut Option<i64> {
        match who {
            Who::User => &mut self.user,
            Who::Human => &mut self.human,
        }
    }

    /// A token that lasts shorter than the one before changes nothing: requests may overtake each other.
    pub fn renew(&mut self, who: Who, expires: i64) {
        if let Some(there) = self.place(who) {
            *there = expires.max(*there);
        }
    }

    /// When the first of them has stayed too long.
    pub fn deadline(&self) -> Option<CallTime> {
        [self.user, self.human].into_iter().flatten().min().map(|expires| self.last_moment(expires))
    }

    /// Who has stayed too long.
    pub fn expired(&self, now: CallTime) -> Option<Who> {
        let too_long = |expires: Option<i64>| expires.is_some_and(|expires| self.last_moment(expires) <= now);
        [(Who::User, self.user), (Who::Human, self.human)].into_iter().find(|(_, at)| too_long(*at)).map(|(who, _)| who)
    }

    fn last_moment(&self, expires: i64) -> CallTime {
        // A token is good to the end of its last second.
        let ms = (expires + 1 + GRACE).saturating_mul(1000).saturating_sub(self.began_ms);
        CallTime::from_millis(u64::try_from(ms).unwrap_or(0))
    }
}

impl Task {
    pub(super) async fn attach(&mut self, peer: Box<Peer>, who: Who, expires: i64) {
        *self.members.place(who) = Some(expires);
        let goodbye = self.goodbye(ByeReason::Replaced);
        self.media(MediaCommand::Attach { peer, who, goodbye }).await;
    }

    /// Puts a member out, or lets one go who leaves by themselves.
    pub(super) async fn detach(&mut self, who: Who, reason: Option<ByeReason>) {
        *self.members.place(who) = None;
        let goodbye = reason.map(|reason| self.goodbye(reason));
        self.media(MediaCommand::Detach { who, goodbye }).await;
        if who == Who::Human {
            // Whoever leaves before having been connected has not taken over: of the two, one counts.
            self.step(Step::Input(Input::TakeoverCancelled)).await;
        }
        self.left(who).await;
    }

    /// A transport is gone. The token's end stays in force: another transport may have come meanwhile.
    pub(super) async fn left(&mut self, who: Who) {
        match who {
            Who::User => self.step(Step::Input(Input::UserLeft)).await,
            Who::Human => {
                self.human_is_gone().await;
                self.human_left().await;
            }
        }
    }

    /// The agent is announced before anything it says.
    pub(super) async fn user_joined(&mut self) {
        self.tell_of_agent(true).await;
        if let Some(human) = self.members.human_speaks.clone() {
            self.tell_of_human(&human, true).await;
        }
        self.step(Step::Input(Input::UserJoined)).await;
    }

    pub(super) async fn human_speaks(&mut self, human: &UserId) {
        self.members.human_speaks = Some(human.clone());
        self.tell_of_human(human, true).await;
    }

    /// Told once.
    pub(super) async fn human_is_gone(&mut self) {
        if let Some(human) = self.members.human_speaks.take() {
            self.tell_of_human(&human, false).await;
        }
    }

    /// The last that everybody hears of a call that is over.
    pub(super) async fn part(&mut self) {
        self.human_is_gone().await;
        self.tell_of_agent(false).await;
        let goodbye = self.goodbye(ByeReason::ChannelTerminated);
        self.media(MediaCommand::SendText(goodbye.clone())).await;
        self.media(MediaCommand::Detach { who: Who::Human, goodbye: Some(goodbye) }).await;
    }

    pub(super) fn goodbye(&mut self, reason: ByeReason) -> String {
        self.written(&ServerMessage::Bye { reason })
    }

    async fn tell_of_agent(&mut self, online: bool) {
        let user = self.agent.handle.agent_user.to_string();
        let member = Member { user, online, audio: online, video: false, role: MemberRole::Agent };
        self.send(&ServerMessage::Member { member }).await;
    }

    async fn tell_of_human(&mut self, human: &UserId, online: bool) {
        let member = Member { user: human.to_string(), online, audio: online, video: false, role: MemberRole::Human };
        self.send(&ServerMessage::Member { member }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: i64 = 1_000;

    fn at(unix: i64) -> CallTime {
        CallTime::from_millis(((unix - BEGAN) * 1000) as u64)
    }

    #[test]
    fn a_member_stays_until_the_grace_behind_the_token_has_passed() {
        let mut members = Members::new(BEGAN * 1000);
        assert_eq!((members.deadline(), members.expired(at(1_000_000))), (None, None));
        *members.place(Who::User) = Some(1_100);
        *members.place(Who::Human) = Some(1_050);
        let out = at(1_051 + GRACE);
        assert_eq!(members.deadline(), Some(out));
        assert_eq!(members.expired(at(1_050 + GRACE)), None);
        assert_eq!(members.expired(out), Some(Who::Human));
        *members.place(Who::Human) = None;
        assert_eq!((members.deadline(), members.expired(out)), (Some(at(1_101 + GRACE)), None));
    }

    #[test]
    fn only_a_token_that_lasts_longer_renews_and_only_of_who_is_there() {
        let mut members = Members::new(BEGAN * 1000);
        members.renew(Who::User, 1_100);
        assert_eq!(members.deadline(), None);
        *members.place(Who::User) = Some(1_100);
        members.renew(Who::User, 1_050);
        assert_eq!(members.deadline(), Some(at(1_101 + GRACE)));
        members.renew(Who::User, 1_200);
        assert_eq!(members.deadline(), Some(at(1_201 + GRACE)));
    }

    #[test]
    fn a_token_from_long_before_the_call_ends_the_stay_at_once() {
        let mut members = Members::new(BEGAN * 1000);
        *members.place(Who::User) = Some(0);
        assert_eq!(members.deadline(), Some(CallTime::ZERO));
    }
}
