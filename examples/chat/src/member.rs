//! A member: an inbox for what is said in all rooms.

use std::collections::VecDeque;

use callboard_lambda_sdk::{Actor, Context, Result};
use serde::{Deserialize, Serialize};

use crate::{
    HearRequest, Line, MemberActor, MemberService, Message, MessagesRequest, MessagesResponse,
};

/// How much of what was heard is kept: at most what fits into an answer, 256 KiB.
const HEARD_MAX: usize = 150;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Member {
    inbox: VecDeque<Heard>,
}

/// A [`Message`] as it is stored.
#[derive(Clone, Serialize, Deserialize)]
struct Heard {
    room: String,
    member: String,
    text: String,
}

impl Actor for Member {
    type Service = MemberService;
}

impl MemberActor for Member {
    async fn hear(&mut self, request: HearRequest, ctx: &mut Context<'_>) -> Result<()> {
        // The method is internal, so it is always a room that sends it.
        let room = ctx.sender().map(|(_, room)| room.to_owned()).unwrap_or_default();
        let Line { member, text } = request.line.unwrap_or_default();
        self.inbox.push_back(Heard { room, member, text });
        if self.inbox.len() > HEARD_MAX {
            self.inbox.pop_front();
        }
        Ok(())
    }

    async fn messages(&self, _: MessagesRequest, _: &Context<'_>) -> Result<MessagesResponse> {
        let messages = self.inbox.iter().cloned().map(|Heard { room, member, text }| Message {
            room,
            line: Some(Line { member, text }),
        });
        Ok(MessagesResponse { messages: messages.collect() })
    }
}

#[cfg(test)]
impl Member {
    /// What it has heard, each with its room.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.inbox.iter().map(|heard| format!("{}: {}", heard.room, heard.text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use callboard_lambda_sdk::prost::Message as _;
    use callboard_lambda_sdk::testing::ActorTest;

    use super::*;
    use crate::room::{NAME_BYTES_MAX, Room, TEXT_BYTES_MAX};
    use crate::{JoinRequest, MemberRef, RoomRef, SayRequest};

    #[tokio::test]
    async fn a_full_inbox_of_the_longest_lines_fits_into_an_answer() {
        let member = "m".repeat(NAME_BYTES_MAX);
        let room = RoomRef::new("r".repeat(1_024));
        let mut test = ActorTest::<Member>::new(&member).with::<Room>();
        let join = JoinRequest { member: member.clone(), ..Default::default() };
        test.ask(room.join(join)).await.expect("there is room");
        let text = "t".repeat(TEXT_BYTES_MAX);
        let say = SayRequest { member: member.clone(), text, ..Default::default() };
        for _ in 0..HEARD_MAX + 1 {
            test.ask(room.say(say.clone())).await.expect("the member is in");
        }
        let read = test.read(MemberRef::new(&member).messages(MessagesRequest::default())).await;
        let answer = read.expect("it is read");
        assert_eq!(answer.messages.len(), HEARD_MAX);
        assert!(answer.encoded_len() <= 256 * 1024, "{}", answer.encoded_len());
    }
}
