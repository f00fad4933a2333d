//! A room: who is in it, and what was said of late.

use std::collections::{BTreeSet, VecDeque};

use callboard_lambda_sdk::{Actor, Context, Error, Result, Status};
use serde::{Deserialize, Serialize};

use crate::{
    HearRequest, HistoryRequest, HistoryResponse, JoinRequest, JoinResponse, Line, MemberRef,
    RoomActor, RoomService, SayRequest, SayResponse,
};

/// How many may be in a room. What a handler sends is limited (to 380 KiB beyond the
/// first 16 messages), and this many of the longest texts stay well below that.
const MEMBERS_MAX: usize = 100;

/// The longest name of a member.
pub(crate) const NAME_BYTES_MAX: usize = 100;

/// The most that can be said at once.
pub(crate) const TEXT_BYTES_MAX: usize = 500;

/// How much of what was said is kept: at most what fits into an answer, 256 KiB.
const LINES_MAX: usize = 150;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Room {
    members: BTreeSet<String>,
    lines: VecDeque<Said>,
}

/// A [`Line`] as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct Said {
    member: String,
    text: String,
}

impl Actor for Room {
    type Service = RoomService;
}

impl RoomActor for Room {
    async fn join(&mut self, request: JoinRequest, _: &mut Context<'_>) -> Result<JoinResponse> {
        if !(1..=NAME_BYTES_MAX).contains(&request.member.len()) {
            return refuse(Status::invalid_argument("a member has a name of 1 to 100 bytes"));
        }
        self.members.insert(request.member);
        if self.members.len() > MEMBERS_MAX {
            // What the handler has changed is undone.
            return refuse(Status::resource_exhausted("the room is full"));
        }
        Ok(JoinResponse { members: u32::try_from(self.members.len())? })
    }

    async fn say(&mut self, request: SayRequest, ctx: &mut Context<'_>) -> Result<SayResponse> {
        let SayRequest { member, text, .. } = request;
        if !self.members.contains(&member) {
            return refuse(Status::failed_precondition("only members may speak: join the room"));
        }
        if text.len() > TEXT_BYTES_MAX {
            return refuse(Status::invalid_argument("at most 500 bytes are said at once"));
        }
        for listener in &self.members {
            let line = Line { member: member.clone(), text: text.clone() };
            let heard = HearRequest { line: Some(line), ..Default::default() };
            ctx.tell(MemberRef::new(listener).hear(heard))?;
        }
        self.lines.push_back(Said { member, text });
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
        Ok(SayResponse {})
    }

    async fn history(&self, _: HistoryRequest, _: &Context<'_>) -> Result<HistoryResponse> {
        let lines = self.lines.iter().cloned();
        Ok(HistoryResponse {
            lines: lines.map(|Said { member, text }| Line { member, text }).collect(),
        })
    }
}

fn refuse<T>(status: Status) -> Result<T> {
    Err(Error::terminal(status))
}

#[cfg(test)]
mod tests {
    use callboard_lambda_sdk::testing::ActorTest;
    use callboard_lambda_sdk::{Code, Request};

    use super::*;
    use crate::RoomRef;
    use crate::member::Member;

    fn join(member: &str) -> Request<JoinResponse> {
        let member = member.to_owned();
        RoomRef::new("lobby").join(JoinRequest { member, ..Default::default() })
    }

    fn say(member: &str, text: &str) -> Request<SayResponse> {
        let (member, text) = (member.to_owned(), text.to_owned());
        RoomRef::new("lobby").say(SayRequest { member, text, ..Default::default() })
    }

    #[tokio::test]
    async fn every_member_hears_what_is_said_with_the_room_and_in_order() {
        let mut test = ActorTest::<Room>::new("lobby").with::<Member>();
        test.ask(join("ann")).await.expect("there is room");
        test.ask(say("ann", "anyone?")).await.expect("she is in");
        for _ in 0..2 {
            assert_eq!(test.ask(join("ben")).await.expect("there is room").members, 2);
        }
        test.ask(say("ben", "me")).await.expect("he is in");
        test.ask(say("ann", "hello")).await.expect("she is in");

        let heard = |member: &str| test.state_of::<Member>(member).texts();
        assert_eq!(heard("ann"), ["lobby: anyone?", "lobby: me", "lobby: hello"]);
        assert_eq!(heard("ben"), ["lobby: me", "lobby: hello"]);
        let history = test.read(RoomRef::new("lobby").history(HistoryRequest::default())).await;
        let lines = history.expect("it is read").lines.into_iter();
        assert_eq!(lines.map(|line| line.text).collect::<Vec<_>>(), ["anyone?", "me", "hello"]);
    }

    #[tokio::test]
    async fn who_is_not_in_the_room_is_not_heard() {
        let mut test = ActorTest::<Room>::new("lobby");
        test.ask(join("ann")).await.expect("there is room");
        let error = test.ask(say("eve", "hello")).await.expect_err("she is not in");
        assert_eq!(error.code(), Code::FailedPrecondition);
        assert!(test.sent().is_empty());
    }

    #[tokio::test]
    async fn a_full_room_hears_the_longest_text_and_takes_nobody_else() {
        let mut test = ActorTest::<Room>::new("lobby");
        for n in 0..MEMBERS_MAX {
            test.ask(join(&format!("{n:0>NAME_BYTES_MAX$}"))).await.expect("there is room");
        }
        let error = test.ask(join("one-more")).await.expect_err("it is full");
        assert_eq!(error.code(), Code::ResourceExhausted);
        assert!(!test.state().members.contains("one-more"));

        let first = "0".repeat(NAME_BYTES_MAX);
        test.ask(say(&first, &"a".repeat(TEXT_BYTES_MAX))).await.expect("it is short enough");
        assert_eq!(test.sent().len(), MEMBERS_MAX);
        let long = "a".repeat(TEXT_BYTES_MAX + 1);
        let error = test.ask(say(&first, &long)).await.expect_err("it is too long");
        assert_eq!(error.code(), Code::InvalidArgument);
    }

    #[tokio::test]
    async fn what_was_said_before_a_crash_is_heard_once() {
        type Crash = fn(&mut ActorTest<Room>);
        let crashes: [Crash; 2] = [ActorTest::crash_before_commit, ActorTest::crash_after_commit];
        for crash in crashes {
            let mut test = ActorTest::<Room>::new("lobby").with::<Member>();
            test.ask(join("ann")).await.expect("there is room");
            crash(&mut test);
            test.ask(say("ann", "anyone?")).await.expect("she is in");
            assert_eq!(test.state_of::<Member>("ann").texts(), ["lobby: anyone?"]);
        }
    }
}
