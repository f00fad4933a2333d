//! Who does to the processes what the plan says.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::Result;
use super::journal::Journal;
use super::plan::{Deed, Fault, Plan, Whom};
use super::stage::Stage;
use super::victim::Victim;

/// How often a frozen process is frozen again: the Lambda host thaws a process
/// for each invocation, as AWS does.
const FREEZE_AGAIN: Duration = Duration::from_millis(10);

/// What the processes of the actors are called; they come and go.
const ACTOR_PROCESS: &str = "actor process";

/// Does to the processes on a stage what a plan says. Meanwhile, of the gateways
/// and of the actors' processes one is always left alone, if there are two or
/// more.
pub(super) struct Saboteur<'a> {
    stage: &'a Stage,
    journal: &'a Journal,
    actors_max: usize,
    frozen: Vec<Frozen>,
}

/// A process that is frozen for a time.
struct Frozen {
    whom: Whom,
    pid: u32,
    task: JoinHandle<()>,
}

impl<'a> Saboteur<'a> {
    /// One that has done nothing yet. There are `actors_max` processes of the
    /// actors at most.
    pub(super) fn new(stage: &'a Stage, journal: &'a Journal, actors_max: usize) -> Self {
        Self { stage, journal, actors_max, frozen: Vec::new() }
    }

    /// Follows a plan until a time.
    pub(super) async fn follow(&mut self, plan: Plan, until: Instant) -> Result<()> {
        let mut at = Instant::now();
        for fault in plan {
            at += fault.gap;
            if at >= until {
                break;
            }
            sleep_until(at).await;
            self.strike(&fault)?;
        }
        sleep_until(until).await;
        Ok(())
    }

    /// Kills everybody at once: what is under way now is left to the sweep.
    pub(super) fn strike_all(&mut self) -> Result<()> {
        for gateway in &self.stage.gateways {
            if let Some(victim) = gateway.running() {
                let name = format!("gateway {}", gateway.number);
                self.harm(Whom::Gateway, &name, victim, Deed::Kill);
            }
        }
        for victim in self.stage.actors()? {
            self.harm(Whom::Actor, ACTOR_PROCESS, victim, Deed::Kill);
        }
        Ok(())
    }

    /// Undoes what can be undone: all processes run, and their clocks are right.
    pub(super) async fn relent(&mut self) -> Result<()> {
        for frozen in self.frozen.drain(..) {
            frozen.task.abort();
            // Only when it has ended does it freeze nobody any more.
            let _ = frozen.task.await;
        }
        for victim in self.stage.victims()? {
            // It may end in this moment.
            let _ = victim.thaw();
            let _ = self.stage.clocks.set(victim.pid(), 0);
        }
        Ok(())
    }

    fn strike(&mut self, fault: &Fault) -> Result<()> {
        self.frozen.retain(|frozen| !frozen.task.is_finished());
        match (fault.whom, fault.deed) {
            (Whom::Gateway, deed) => self.strike_gateway(fault.which, deed),
            (Whom::Actor, deed) => self.strike_actor(fault.which, deed)?,
            (Whom::Together, deed) => {
                self.strike_gateway(fault.which, deed);
                for which in 0..self.stage.actors()?.len() {
                    self.strike_actor(which, deed)?;
                }
            }
        }
        Ok(())
    }

    fn strike_gateway(&mut self, which: usize, deed: Deed) {
        let gateway = &self.stage.gateways[which % self.stage.gateways.len()];
        let Some(victim) = gateway.running() else { return };
        let running = self.stage.gateways.iter().filter_map(|gateway| gateway.running());
        let well = running.filter(|victim| !self.is_frozen(victim)).count();
        let is_last = well == 1 && self.stage.gateways.len() > 1 && !self.is_frozen(&victim);
        if is_last && !matches!(deed, Deed::Shift(_)) {
            return;
        }
        self.harm(Whom::Gateway, &format!("gateway {}", gateway.number), victim, deed);
    }

    fn strike_actor(&mut self, which: usize, deed: Deed) -> Result<()> {
        let actors = self.stage.actors()?;
        let frozen = self.frozen.iter().filter(|frozen| frozen.whom == Whom::Actor).count();
        let is_last = frozen + 1 >= self.actors_max && self.actors_max > 1;
        if actors.is_empty() || is_last && matches!(deed, Deed::Freeze(_)) {
            return Ok(());
        }
        let victim = Arc::clone(&actors[which % actors.len()]);
        self.harm(Whom::Actor, ACTOR_PROCESS, victim, deed);
        Ok(())
    }

    fn harm(&mut self, whom: Whom, name: &str, victim: Arc<Victim>, deed: Deed) {
        let pid = victim.pid();
        let done = match deed {
            Deed::Kill => victim.kill().is_ok(),
            Deed::Shift(ahead_ms) => self.stage.clocks.set(pid, ahead_ms).is_ok(),
            Deed::Freeze(_) if self.is_frozen(&victim) => false,
            Deed::Freeze(length) => {
                let task = tokio::spawn(keep_frozen(victim, length));
                self.frozen.push(Frozen { whom, pid, task });
                true
            }
        };
        // It may have ended a moment ago.
        if done {
            self.journal.fault(whom, &format!("{name}, process {pid}"), deed);
        }
    }

    fn is_frozen(&self, victim: &Victim) -> bool {
        self.frozen.iter().any(|frozen| frozen.pid == victim.pid() && !frozen.task.is_finished())
    }
}

async fn keep_frozen(victim: Arc<Victim>, length: Duration) {
    let until = Instant::now() + length;
    while Instant::now() < until {
        if victim.freeze().is_err() {
            return;
        }
        sleep(FREEZE_AGAIN).await;
    }
    // It may have been killed meanwhile.
    let _ = victim.thaw();
}
