//! Who supervises a call: the seats, and who sits in them.
//!
//! A supervisor comes with a token of their own scope (`protocol::supervisor`) by the same signaling, and gets a *seat*: a
//! connection of its own, driven by a task of its own ([`seat`]), which hears both sides as they are. Listening changes nothing for
//! user and agent. Limits: as many seats as configured, one for a supervisor (a new one replaces the one before); tokens are made
//! for at most [`MOST_TOKENS`] supervisors of a call, since those removed are remembered.

pub mod scribe;
pub mod seat;

use ringline_model::UserId;
use ringline_protocol::supervisor::{Permission, SupervisorToken};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

/// Supervisors that tokens are made for, in one call.
const MOST_TOKENS: usize = 1000;

/// How supervision is configured.
#[derive(Clone, Copy, Debug)]
pub struct SupervisionConfig {
    /// Supervisors connected to one call at once.
    pub max_supervisors: usize,
    /// Event streams of one call at once.
    pub max_listeners: usize,
    /// A human in charge who leaves gives the call back, instead of ending it.
    pub leaving_hands_back: bool,
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeatError {
    #[error("as many supervisors as allowed are connected to this call")]
    Full,
    #[error("the supervisor was removed from this call")]
    Removed,
    #[error("the supervisor may not listen")]
    NotAllowed,
}

/// A seat that is taken.
#[derive(Clone, Debug)]
pub struct Seated {
    pub seat: u64,
    pub user: UserId,
    pub name: String,
    pub permissions: Vec<Permission>,
    /// Its media are up.
    pub connected: bool,
}

#[derive(Debug)]
struct Taken {
    seated: Seated,
    commands: mpsc::Sender<seat::Command>,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: Vec<Taken>,
    removed: Vec<UserId>,
    tokens: usize,
}

#[derive(Debug)]
pub struct Supervisors {
    most: usize,
    seats: Mutex<Seats>,
}

impl Supervisors {
    pub fn new(most: usize) -> Self {
        Self { most, seats: Mutex::default() }
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        // Every change is one step.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a token that is made; false at the limit.
    pub fn may_mint(&self) -> bool {
        let mut seats = self.seats();
        seats.tokens += 1;
        seats.tokens <= MOST_TOKENS
    }

    /// Takes a seat; the one the supervisor had before is closed.
    pub fn sit(&self, token: &SupervisorToken, commands: mpsc::Sender<seat::Command>) -> Result<Seated, SeatError> {
        let mut seats = self.seats();
        if seats.removed.contains(&token.user) {
            return Err(SeatError::Removed);
        }
        if !token.allows(Permission::Listen) {
            return Err(SeatError::NotAllowed);
        }
        let before = seats.taken.iter().position(|taken| taken.seated.user == token.user);
        if before.is_none() && seats.taken.len() >= self.most {
            return Err(SeatError::Full);
        }
        if let Some(before) = before {
            close(&seats.taken.remove(before));
        }
        let seated = Seated {
            seat: seats.next,
            user: token.user.clone(),
            name: token.name.clone(),
            permissions: token.permissions.clone(),
            connected: false,
        };
        seats.next += 1;
        seats.taken.push(Taken { seated: seated.clone(), commands });
        Ok(seated)
    }

    /// The seat's media are up: who sits there, if it is still taken.
    pub fn connected(&self, seat: u64) -> Option<Seated> {
        let mut seats = self.seats();
        let taken = seats.taken.iter_mut().find(|taken| taken.seated.seat == seat)?;
        taken.seated.connected = true;
        Some(taken.seated.clone())
    }

    /// The seat's connection is over: who sat there, unless another seat had replaced it.
    pub fn left(&self, seat: u64) -> Option<Seated> {
        let mut seats = self.seats();
        let index = seats.taken.iter().position(|taken| taken.seated.seat == seat)?;
        Some(seats.taken.remove(index).seated)
    }

    pub fn of(&self, user: &UserId) -> Option<Seated> {
        let seats = self.seats();
        seats.taken.iter().find(|taken| taken.seated.user == *user).map(|taken| taken.seated.clone())
    }

    pub fn commands_of(&self, user: &UserId) -> Option<mpsc::Sender<seat::Command>> {
        let seats = self.seats();
        seats.taken.iter().find(|taken| taken.seated.user == *user).map(|taken| taken.commands.clone())
    }

    pub fn all(&self) -> Vec<Seated> {
        self.seats().taken.iter().map(|taken| taken.seated.clone()).collect()
    }

    /// Shuts a supervisor out, also one who has not come yet; their token is no good from here on.
    pub fn remove(&self, user: &UserId) {
        let mut seats = self.seats();
        if !seats.removed.contains(user) && seats.removed.len() < MOST_TOKENS {
            seats.removed.push(user.clone());
        }
        if let Some(taken) = seats.taken.iter().find(|taken| taken.seated.user == *user) {
            close(taken);
        }
    }

    pub fn is_removed(&self, user: &UserId) -> bool {
        self.seats().removed.contains(user)
    }

    /// The supervisor says goodbye.
    pub fn leave(&self, user: &UserId) {
        let seats = self.seats();
        if let Some(taken) = seats.taken.iter().find(|taken| taken.seated.user == *user) {
            close(taken);
        }
    }
}

/// The seat's task ends by itself if it does not hear this; it reports that it is over either way.
fn close(taken: &Taken) {
    if taken.commands.try_send(seat::Command::Close).is_err() {
        tracing::debug!(seat = taken.seated.seat, "a supervisor's connection is closed already");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ringline_model::InstanceId;

    fn token(user: &str, permissions: Vec<Permission>) -> SupervisorToken {
        SupervisorToken {
            instance: InstanceId::parse("i").unwrap(),
            user: UserId::parse(user).unwrap(),
            name: user.to_owned(),
            permissions,
            expires: i64::MAX,
        }
    }

    fn listener(user: &str) -> SupervisorToken {
        token(user, vec![Permission::Listen])
    }

    fn sit(
        supervisors: &Supervisors,
        token: &SupervisorToken,
    ) -> Result<(u64, mpsc::Receiver<seat::Command>), SeatError> {
        let (commands, inbox) = mpsc::channel(8);
        supervisors.sit(token, commands).map(|seated| (seated.seat, inbox))
    }

    #[test]
    fn one_more_than_allowed_is_refused_until_somebody_leaves() {
        let supervisors = Supervisors::new(1);
        let (first, _inbox) = sit(&supervisors, &listener("ann")).unwrap();
        assert_eq!(sit(&supervisors, &listener("bob")).unwrap_err(), SeatError::Full);
        assert_eq!(supervisors.left(first).unwrap().name, "ann");
        assert!(sit(&supervisors, &listener("bob")).is_ok());
    }

    #[test]
    fn a_supervisor_who_comes_again_replaces_the_seat_before() {
        let supervisors = Supervisors::new(1);
        let (first, mut inbox) = sit(&supervisors, &listener("ann")).unwrap();
        let (second, _inbox) = sit(&supervisors, &listener("ann")).unwrap();
        assert!(matches!(inbox.try_recv(), Ok(seat::Command::Close)));
        assert!(supervisors.left(first).is_none() && supervisors.connected(first).is_none());
        assert!(supervisors.connected(second).unwrap().connected);
    }

    #[test]
    fn whoever_was_removed_or_may_not_listen_gets_no_seat() {
        let supervisors = Supervisors::new(2);
        assert_eq!(sit(&supervisors, &token("ann", vec![Permission::Whisper])).unwrap_err(), SeatError::NotAllowed);
        let (_, mut inbox) = sit(&supervisors, &listener("bob")).unwrap();
        supervisors.remove(&UserId::parse("bob").unwrap());
        assert!(matches!(inbox.try_recv(), Ok(seat::Command::Close)));
        assert_eq!(sit(&supervisors, &listener("bob")).unwrap_err(), SeatError::Removed);
    }
}
