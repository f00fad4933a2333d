//! A random history in which every promise is kept.

use std::collections::VecDeque;

use callboard_proof::history::{Actor, Answer, Digest, Event, Kind, Message, Reason, Reply};

/// How much happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) senders: u32,
    pub(crate) actors: u32,
    pub(crate) calls: u32,
    /// How many calls may be under way at once.
    pub(crate) at_once: usize,
}

/// What the seeds are tried with: crowded enough that much overlaps, and small
/// enough that a failure can be read.
pub(crate) const SMALL: Size = Size { senders: 4, actors: 3, calls: 150, at_once: 8 };

/// Lets senders and actors do as they like until all is quiet. The events of
/// every other seed are shuffled, since their order must not matter.
pub(crate) fn good(seed: u64, size: Size) -> Vec<Event> {
    let mut world = World {
        rng: fastrand::Rng::with_seed(seed),
        clock: 0,
        begun: 0,
        size,
        mails: Vec::new(),
        numbers: vec![0; size.senders as usize],
        again: Vec::new(),
        calls: Vec::new(),
        actors: (0..size.actors).map(|_| Queue { epoch: 1, ..Queue::default() }).collect(),
        events: Vec::new(),
    };
    while !world.is_quiet() {
        world.step();
    }
    if seed % 2 == 1 {
        world.rng.shuffle(&mut world.events);
    }
    world.events
}

struct World {
    rng: fastrand::Rng,
    clock: u64,
    begun: u32,
    size: Size,
    mails: Vec<Mail>,
    /// How many messages each sender has sent.
    numbers: Vec<u64>,
    /// Mails that their senders may send again.
    again: Vec<usize>,
    calls: Vec<Call>,
    actors: Vec<Queue>,
    events: Vec<Event>,
}

/// A message and what has become of it.
struct Mail {
    message: Message,
    actor: Actor,
    kind: Kind,
    attempts: u32,
    is_stored: bool,
    is_handled: bool,
    reply: Option<Reply>,
}

/// A call that is under way, or the request of one that was given up.
#[derive(Clone, Copy)]
struct Call {
    mail: usize,
    attempt: u32,
    is_open: bool,
    request: Request,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    UnderWay,
    Arrived,
    Vanished,
}

#[derive(Default)]
struct Queue {
    mails: VecDeque<usize>,
    place: u64,
    epoch: u64,
}

impl World {
    fn is_quiet(&self) -> bool {
        let all_begun = self.begun == self.size.calls;
        all_begun && self.calls.is_empty() && self.actors.iter().all(|a| a.mails.is_empty())
    }

    fn step(&mut self) {
        // Sometimes it stands still: then nothing is said about what was first.
        self.clock += self.rng.u64(0..3);
        match self.rng.u32(0..8) {
            0..2 if self.begun < self.size.calls && self.calls.len() < self.size.at_once => {
                self.begin();
            }
            2..6 if !self.calls.is_empty() => {
                let index = self.rng.usize(0..self.calls.len());
                if !self.goes_on(index) {
                    self.calls.swap_remove(index);
                }
            }
            _ => self.handle(),
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.u32(0..100) < percent
    }

    /// A sender begins a call, mostly with a new message.
    fn begin(&mut self) {
        let mail = match self.again.is_empty() || self.chance(80) {
            true => self.new_mail(),
            false => self.again.swap_remove(self.rng.usize(0..self.again.len())),
        };
        self.begun += 1;
        let Mail { message, actor, kind, ref mut attempts, .. } = self.mails[mail];
        *attempts += 1;
        let attempt = *attempts;
        self.events.push(Event::Sent { at: self.clock, message, attempt, actor, kind });
        self.calls.push(Call { mail, attempt, is_open: true, request: Request::UnderWay });
        // It may be sent again before the first call has ended.
        if self.chance(3) {
            self.again.push(mail);
        }
    }

    fn new_mail(&mut self) -> usize {
        let sender = self.rng.u32(0..self.size.senders);
        let number = &mut self.numbers[sender as usize];
        *number += 1;
        self.mails.push(Mail {
            message: Message { sender, number: *number },
            actor: Actor(self.rng.u32(0..self.size.actors)),
            kind: if self.rng.bool() { Kind::Tell } else { Kind::Ask },
            attempts: 0,
            is_stored: false,
            is_handled: false,
            reply: None,
        });
        self.mails.len() - 1
    }

    /// Something happens to a call; whether it is still under way.
    fn goes_on(&mut self, index: usize) -> bool {
        let Call { mail, is_open, request, .. } = self.calls[index];
        match (request, self.rng.u32(0..100)) {
            (Request::UnderWay, 0..80) => {
                self.arrive(mail);
                self.calls[index].request = Request::Arrived;
                is_open
            }
            (Request::UnderWay, 80..90) => {
                self.calls[index].request = Request::Vanished;
                is_open
            }
            (Request::UnderWay, 90..95) if is_open => self.answer(index, Answer::Refused),
            (Request::UnderWay, _) if is_open => {
                // The request may arrive long after.
                self.answer(index, Answer::Unknown);
                self.calls[index].is_open = false;
                true
            }
            (Request::UnderWay, _) => true,
            (Request::Vanished, _) => self.answer(index, Answer::Unknown),
            (Request::Arrived, 0..5) => self.answer(index, Answer::Unknown),
            (Request::Arrived, chance) => match &self.mails[mail] {
                Mail { kind: Kind::Tell, .. } => self.answer(index, Answer::Acknowledged),
                Mail { reply: Some(reply), .. } => self.answer(index, Answer::Replied(*reply)),
                Mail { is_handled, .. } if *is_handled || chance < 20 => {
                    self.answer(index, Answer::Queued)
                }
                _ => true,
            },
        }
    }

    fn arrive(&mut self, mail: usize) {
        let Mail { actor, ref mut is_stored, .. } = self.mails[mail];
        if !std::mem::replace(is_stored, true) {
            self.actors[actor.0 as usize].mails.push_back(mail);
        }
    }

    /// Ends a call, which is then no longer under way.
    fn answer(&mut self, index: usize, answer: Answer) -> bool {
        let Call { mail, attempt, .. } = self.calls[index];
        let message = self.mails[mail].message;
        self.events.push(Event::Answered { at: self.clock, message, attempt, answer });
        if !matches!(answer, Answer::Acknowledged | Answer::Replied(_)) && self.chance(50) {
            self.again.push(mail);
        }
        false
    }

    /// An actor handles its next message, if it has one.
    fn handle(&mut self) {
        let actor = self.rng.u32(0..self.size.actors);
        let queue = &mut self.actors[actor as usize];
        let Some(mail) = queue.mails.pop_front() else { return };
        queue.epoch += u64::from(self.rng.u32(0..10) == 0);
        let epoch = Some(queue.epoch).filter(|_| self.rng.u32(0..5) > 0);
        let digest = Digest(self.rng.u64(..));
        let Mail { message, kind, ref mut reply, ref mut is_handled, .. } = self.mails[mail];
        *is_handled = true;
        match self.rng.u32(0..100) {
            0..3 => {
                let reasons = [Reason::DeadLettered, Reason::Cancelled, Reason::Expired];
                let reason = reasons[self.rng.usize(0..reasons.len())];
                self.events.push(Event::SetAside { message, reason });
            }
            3..8 => {
                *reply = Some(Reply::Status(digest));
                self.events.push(Event::Reply { message, reply: Reply::Status(digest) });
            }
            chance => {
                queue.place += 1;
                let (actor, place) = (Actor(actor), queue.place);
                let response = Some(digest).filter(|_| kind == Kind::Ask);
                *reply = response.map(Reply::Response);
                // Not every proof knows what a response must be, or reads the
                // stored replies.
                let known = response.filter(|_| chance < 80);
                self.events.push(Event::Effect { actor, place, message, epoch, reply: known });
                if let Some(reply) = reply.filter(|_| chance % 2 == 0) {
                    self.events.push(Event::Reply { message, reply });
                }
            }
        }
    }
}
