use serde::{Deserialize, Serialize};
use tonic::Code;

use super::*;
use crate::actor::{decode, encode};
use crate::answer::{Answer, AnswerHandler, Later, answer};
use crate::error::Error;

/// A number, and what it has to do with other numbers.
#[derive(Default, Serialize, Deserialize)]
struct Number {
    value: u64,
    log: Vec<String>,
    open: Vec<Later<u64>>,
    #[serde(skip)]
    woken: u32,
}

struct NumberService;

impl NumberService {
    const ON_ADDED: AnswerHandler<u64> = AnswerHandler::new("test.v1.Number", "OnAdded");
}

/// A message to the number of this key, whose payload is a number.
fn to(key: &str, method: &str, value: u64) -> Request<u64> {
    Request::new("test.v1.Number", key, method, &value)
}

impl Actor for Number {
    type Service = NumberService;
    const STATE_VERSION: u32 = 2;

    fn migrate(version: u32, stored: &[u8]) -> Result<Self> {
        assert_eq!((version, stored), (1, &b"7"[..]));
        Ok(Self { value: 7, ..Self::default() })
    }

    async fn on_create(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        self.log.push(format!("created as {}", ctx.key()));
        Ok(())
    }

    async fn on_wake(&mut self, _: &Context<'_>) -> Result<()> {
        self.woken += 1;
        Ok(())
    }

    async fn on_delete(&mut self, ctx: &mut Context<'_>) -> Result<()> {
        let note = format!("{} ended at {}", ctx.key(), self.value);
        ctx.tell(Request::<()>::new("test.v1.Other", "log", "Note", &note))
    }
}

impl Service<Number> for NumberService {
    const TYPE: &'static str = "test.v1.Number";

    async fn dispatch(
        number: &mut Number,
        method: &str,
        payload: &[u8],
        ctx: &mut Context<'_>,
    ) -> Result<Bytes> {
        if method == "OnAdded" {
            let Some(answer): Option<Answer<u64>> = answer(ctx, payload)? else {
                return Ok(Bytes::new());
            };
            let who: String = answer.correlation()?;
            number.log.push(match &answer.result {
                Ok(value) => format!("{who} is {value}"),
                Err(_) if answer.is_timeout() => format!("{who} is late"),
                Err(status) => format!("{who}: {:?}", status.code()),
            });
            return Ok(Bytes::new());
        }
        let value: u64 = decode(payload)?;
        match method {
            "Add" => number.value += value,
            "Fail" => return Err(Error::retried("on purpose")),
            "Refuse" => return Err(Error::terminal(Status::failed_precondition("no"))),
            "Volley" => {
                number.value += 1;
                let partner = if ctx.key() == "a" { "b" } else { "a" };
                if value > 0 {
                    ctx.tell(to(partner, "Volley", value - 1))?;
                }
            }
            "Woken" => return encode(&u64::from(number.woken)),
            "Ask" => ctx.ask(to("b", "Add", value)).then(NumberService::ON_ADDED, "b")?,
            "AskItself" => ctx.ask(to(ctx.key(), "Add", value)).then(Self::ON_ADDED, "own")?,
            "AskFailing" => ctx.ask(to("b", "Fail", 0)).then(Self::ON_ADDED, "b")?,
            "AskRefusing" => {
                ctx.ask(to("b", "Refuse", 0)).without_timeout().then(Self::ON_ADDED, "b")?;
            }
            "AskMany" => {
                for n in 0..value {
                    let ask = ctx.ask(to(&format!("n{n}"), "Add", n)).without_timeout();
                    ask.then(Self::ON_ADDED, n.to_string())?;
                }
            }
            "AskManyTimed" => {
                for n in 0..value {
                    ctx.ask(to(&format!("n{n}"), "Add", n)).then(Self::ON_ADDED, n.to_string())?;
                }
            }
            "Forward" => return ctx.forward(to("b", "Add", value)).and_then(|r: u64| encode(&r)),
            "ForwardOn" => return ctx.forward(to("c", "Forward", value)).and_then(|r| encode(&r)),
            "Both" => drop(ctx.forward(to("b", "Add", value))),
            "Later" => {
                let promised = ctx.reply_later(|later| number.open.push(later));
                return promised.and_then(|response: u64| encode(&response));
            }
            "Answer" => {
                for later in std::mem::take(&mut number.open) {
                    match value {
                        0 => ctx.refuse(later, &Status::aborted("no value"))?,
                        value => ctx.reply(later, &value)?,
                    }
                }
            }
            "AnswerLong" => {
                let size = usize::try_from(value)?;
                for later in std::mem::take(&mut number.open) {
                    // As long as that, whatever it is.
                    let later = Later::from_bytes(&later.into_bytes())?;
                    ctx.reply(later, &"x".repeat(size))?;
                }
            }
            "Timers" | "TimersAndSends" => {
                for n in 0..32 {
                    let name = format!("t{n}");
                    ctx.set_timer(&name, Duration::from_secs(3_600), to(ctx.key(), "Add", 1))?;
                }
                for n in 0..if method == "Timers" { 0 } else { value } {
                    ctx.ask(to(&format!("n{n}"), "Later", n)).then(Self::ON_ADDED, "n")?;
                }
                for n in 0..if method == "Timers" { 0 } else { 400 } {
                    let note = Request::<()>::new("test.v1.Other", "log", "Note", &n);
                    ctx.tell(note)?;
                }
            }
            "Timer" => {
                ctx.set_timer("soon", Duration::from_secs(5), to(ctx.key(), "Add", value))?
            }
            "Delete" => {
                ctx.set_timer("new", Duration::from_secs(5), to(ctx.key(), "Add", value))?;
                ctx.delete();
            }
            "Note" => {
                let note = format!("note {value}");
                let note: Request = Request::new("test.v1.Other", "log", "Note", &note);
                ctx.tell_after(Duration::from_secs(value), note)?;
            }
            other => return Err(Error::unknown_method(Self::TYPE, other)),
        }
        encode(&number.value)
    }

    async fn read(
        number: &Number,
        method: &str,
        payload: &[u8],
        ctx: &Context<'_>,
    ) -> Result<Bytes> {
        match method {
            "Get" => encode(&number.value),
            "Key" => encode(&ctx.key().to_owned()),
            "Refuse" => Err(Error::terminal(Status::not_found("nothing"))),
            "Fail" => Err(Error::retried("on purpose")),
            "Long" => encode(&"x".repeat(usize::try_from(decode::<u64>(payload)?)?)),
            other => Err(Error::unknown_method(Self::TYPE, other)),
        }
    }
}

fn test() -> ActorTest<Number> {
    ActorTest::new("a")
}

#[tokio::test]
async fn messages_build_on_each_other() {
    let mut test = test();
    assert!(!test.has_state());
    assert_eq!(test.ask(to("a", "Add", 2)).await.expect("a value"), 2);
    test.tell(to("a", "Add", 3)).await;
    assert_eq!(test.state().value, 5);
    assert_eq!(test.state().log, ["created as a"], "it is created once");
    assert_eq!(test.state_of::<Number>("b").value, 0);
}

#[tokio::test]
async fn an_actor_that_is_read_into_memory_is_woken() {
    let mut test = test();
    assert_eq!(test.ask(to("a", "Woken", 0)).await.expect("a number"), 0, "it was made new");
    assert_eq!(test.ask(to("a", "Woken", 0)).await.expect("a number"), 1);
}

#[tokio::test]
async fn reads_see_what_is_committed_and_change_nothing() {
    let mut test = test();
    assert_eq!(test.read(to("a", "Get", 0)).await.expect("a value"), 0);
    test.tell(to("a", "Add", 2)).await;
    assert_eq!(test.read(to("a", "Get", 0)).await.expect("a value"), 2);
    let key: String =
        test.read(Request::new("test.v1.Number", "b", "Key", &0_u64)).await.expect("a key");
    assert_eq!(key, "b");
    let code = |result: Result<u64, Status>| result.expect_err("it is refused").code();
    assert_eq!(code(test.read(to("a", "Refuse", 0)).await), Code::NotFound);
    assert_eq!(code(test.read(to("a", "Fail", 0)).await), Code::Unavailable);
    assert_eq!(code(test.read(to("a", "Long", 300_000)).await), Code::ResourceExhausted);
}

#[tokio::test]
async fn an_ask_is_answered_by_a_message() {
    let mut test = test();
    test.tell(to("a", "Ask", 4)).await;
    assert_eq!(test.state_of::<Number>("b").value, 4);
    assert_eq!(test.state().log, ["created as a", "b is 4"]);
    test.advance(Duration::from_secs(100)).await;
    assert_eq!(test.state().log.len(), 2, "there is no time-out after the answer");
}

#[tokio::test]
async fn actors_that_ask_in_a_circle_do_not_lock_each_other_up() {
    let mut test = test();
    test.tell(to("a", "AskItself", 4)).await;
    assert_eq!(test.state().log, ["created as a", "own is 4"]);
}

#[tokio::test]
async fn an_ask_that_fails_is_answered_with_its_status() {
    let mut test = test();
    test.tell(to("a", "AskRefusing", 0)).await;
    assert_eq!(test.state().log[1..], ["b: FailedPrecondition"]);
}

#[tokio::test]
async fn an_ask_that_is_set_aside_is_answered() {
    let mut test = test().attempts(2);
    test.tell(to("a", "AskFailing", 0)).await;
    test.advance(Duration::from_secs(10)).await;
    assert_eq!(test.state().log[1..], ["b: FailedPrecondition"]);
}

#[tokio::test]
async fn what_comes_after_the_timeout_is_dropped() {
    let mut test = test();
    test.tell(to("a", "AskFailing", 0)).await;
    test.advance(Duration::from_secs(59)).await;
    assert_eq!(test.state().log.len(), 1);
    // The message to the other one is set aside in the end, and that is an answer.
    test.advance(Duration::from_secs(3_600)).await;
    assert_eq!(test.state().log[1..], ["b is late"]);
}

#[tokio::test]
async fn more_asks_than_a_commit_holds_are_all_answered_in_order_and_once() {
    for crash in [false, true] {
        let mut test = test();
        test.begin(to("a", "Add", 1)).await;
        if crash {
            test.crash_after_commit();
        }
        test.tell(to("a", "AskMany", 300)).await;
        let numbers: Vec<_> = (0..300).map(|n| format!("{n} is {n}")).collect();
        let mut log = test.state().log[1..].to_vec();
        log.sort_by_key(|line| line.split(' ').next().and_then(|n| n.parse::<u64>().ok()));
        assert_eq!(log, numbers);
    }
}

#[tokio::test]
async fn more_asks_than_may_wait_are_refused_and_nothing_is_sent() {
    let mut test = test();
    let status = test.ask(to("a", "AskManyTimed", 33)).await.expect_err("it is refused");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("32"), "{status}");
    assert_eq!(test.state_of::<Number>("n0").value, 0);
    assert!(!test.has_state());
    test.ask(to("a", "AskManyTimed", 32)).await.expect("as many as may wait");
    assert_eq!(test.state().log.len(), 33);
    let status = test.ask(to("a", "AskMany", 501)).await.expect_err("it is refused");
    assert_eq!(status.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn another_actor_answers_what_is_forwarded() {
    let mut test = test();
    assert_eq!(test.ask(to("a", "Forward", 4)).await.expect("a value"), 4);
    assert_eq!(test.ask(to("a", "ForwardOn", 4)).await.expect("a value"), 8);
    assert_eq!(test.state().value, 0);
    assert_eq!(test.state_of::<Number>("b").value, 8);
}

#[tokio::test]
async fn a_handler_that_answers_and_forwards_is_told() {
    let mut test = test().attempts(1);
    let status = test.ask(to("a", "Both", 4)).await.expect_err("it fails");
    assert!(status.message().contains("forwarded the answer as well"), "{status}");
    assert_eq!(test.state_of::<Number>("b").value, 0);
}

#[tokio::test]
async fn a_promise_is_kept_by_another_message() {
    let mut test = test();
    let first = test.begin(to("a", "Later", 0)).await;
    let second = test.begin(to("a", "Later", 0)).await;
    assert!(test.answer(&first).is_none());
    test.tell(to("a", "Answer", 9)).await;
    for asked in [first, second] {
        assert_eq!(test.answer(&asked).expect("an answer").expect("a value"), 9);
    }
    let third = test.begin(to("a", "Later", 0)).await;
    test.tell(to("a", "Answer", 0)).await;
    let status = test.answer(&third).expect("an answer").expect_err("a refusal");
    assert_eq!(status.code(), Code::Aborted);
}

#[tokio::test]
async fn a_promise_to_nobody_is_kept_in_silence() {
    let mut test = test();
    test.tell(to("a", "Later", 0)).await;
    test.tell(to("a", "Answer", 9)).await;
    assert!(test.state().open.is_empty());
}

#[tokio::test]
async fn timers_fire_at_their_time() {
    let mut test = test();
    test.tell(to("a", "Timer", 4)).await;
    assert_eq!(test.timers(), [("soon".to_owned(), Duration::from_secs(5))]);
    test.advance(Duration::from_millis(4_999)).await;
    assert_eq!(test.state().value, 0);
    test.advance(Duration::from_millis(1)).await;
    assert_eq!((test.state().value, test.timers()), (4, Vec::new()));
}

#[tokio::test]
async fn a_deleted_actor_is_as_if_it_had_never_been() {
    let mut test = test();
    test.tell(to("a", "Add", 4)).await;
    test.tell(to("a", "Timer", 4)).await;
    assert_eq!(test.ask(to("a", "Delete", 4)).await.expect("a value"), 4);
    assert!(!test.has_state());
    assert_eq!(test.timers(), []);
    let [sent] = &test.sent()[..] else { panic!("its last message is sent") };
    assert_eq!(sent.decode::<String>().expect("a text"), "a ended at 4");
    test.advance(Duration::from_secs(60)).await;
    assert!(!test.has_state());
    test.tell(to("a", "Add", 1)).await;
    assert_eq!((test.state().value, test.state().log.len()), (1, 1), "it is created again");
}

#[tokio::test]
async fn what_is_sent_to_others_is_shown() {
    let mut test = test();
    test.tell(to("a", "Note", 60)).await;
    let [sent] = &test.sent()[..] else { panic!("one message is sent") };
    let Sent { actor_type, key, method, at, .. } = sent;
    assert_eq!(
        (actor_type.as_str(), key.as_str(), method.as_str()),
        ("test.v1.Other", "log", "Note")
    );
    assert_eq!(*at, Some(test.now() + Duration::from_secs(60)));
    assert_eq!(sent.decode::<String>().expect("a text"), "note 60");
    assert!(sent.decode::<u64>().is_err());
}

#[tokio::test]
async fn a_crash_before_the_commit_undoes_and_one_after_it_does_not() {
    let mut test = test();
    test.crash_before_commit();
    assert_eq!(test.ask(to("a", "Add", 2)).await.expect("a value"), 2);
    test.crash_after_commit();
    assert_eq!(test.ask(to("a", "Add", 2)).await.expect("a value"), 4);
    assert_eq!(test.state().value, 4);
}

#[tokio::test]
async fn what_fails_for_good_becomes_a_dead_letter() {
    let mut test = test().attempts(3);
    let asked = test.begin(to("a", "Fail", 2)).await;
    assert!(test.answer(&asked).is_none());
    test.tell(to("a", "Add", 1)).await;
    assert_eq!(test.state().value, 0, "it waits behind the one that fails");
    test.advance(Duration::from_secs(10)).await;
    let [letter] = &test.dead_letters()[..] else { panic!("one message is dead") };
    assert_eq!((letter.method.as_str(), letter.attempts), ("Fail", 3));
    assert_eq!(letter.error, "on purpose");
    let status = test.answer(&asked).expect("an answer").expect_err("it is dead");
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(test.state().value, 1);
}

#[test]
fn a_state_of_another_version_is_migrated() {
    let stored = Bytes::from_static(b"\x01\x017");
    assert_eq!(Held::<Number>::load(Some(&stored)).expect("it reads").into_actor().value, 7);
}

#[tokio::test]
async fn more_promises_than_a_commit_holds_are_all_kept() {
    let mut test = test();
    let mut open = Vec::new();
    for _ in 0..200 {
        open.push(test.begin(to("a", "Later", 0)).await);
    }
    test.tell(to("a", "Answer", 9)).await;
    for asked in open {
        assert_eq!(test.answer(&asked).expect("an answer").expect("a value"), 9);
    }
    assert!(test.state().open.is_empty());
}

#[tokio::test]
async fn whoever_waits_for_an_answer_that_is_too_large_is_told() {
    let mut test = test();
    let asked = test.begin(to("a", "Later", 0)).await;
    test.tell(to("a", "AnswerLong", 300_000)).await;
    let status = test.answer(&asked).expect("an answer").expect_err("it is too large");
    assert_eq!(status.code(), Code::ResourceExhausted);
    // Together they may be too large, too: then nothing is answered.
    let open = [test.begin(to("a", "Later", 0)).await, test.begin(to("a", "Later", 0)).await];
    for _ in 0..8 {
        test.tell(to("a", "Later", 0)).await;
        test.begin(to("a", "Later", 0)).await;
    }
    let status = test.ask(to("a", "AnswerLong", 200_000)).await.expect_err("it is too much");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(open.iter().all(|asked| test.answer(asked).is_none()));
}

#[tokio::test]
async fn why_there_is_no_answer_is_told() {
    let mut test = test();
    let status = test.ask(to("a", "Later", 0)).await.expect_err("there is none");
    assert!(status.message().contains("promised"), "{status}");
    let status = test.ask(to("a", "Fail", 0)).await.expect_err("there is none");
    assert!(status.message().contains("on purpose"), "{status}");
}

#[tokio::test]
async fn ten_thousand_volleys_end() {
    let mut test = test();
    test.tell(to("a", "Volley", 10_000)).await;
    let (a, b) = (test.state().value, test.state_of::<Number>("b").value);
    assert_eq!((a, b), (5_001, 5_000));
}

#[tokio::test]
async fn as_many_timers_and_sends_as_are_allowed_fit_into_commits() {
    let mut test = test();
    test.ask(to("a", "Timers", 32)).await.expect("as many as there may be");
    // All named timers are replaced, and as much is sent as may be.
    test.ask(to("a", "TimersAndSends", 12)).await.expect("as many as may be set");
    assert_eq!(test.timers().len(), 32);
    assert_eq!(test.sent().len(), 400);
    let status = test.ask(to("a", "TimersAndSends", 13)).await.expect_err("it is one too many");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("44"), "{status}");
}
