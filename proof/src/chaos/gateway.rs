//! A gateway that is killed and started again.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use callboard_local::lambda::Warden;
use rustix::process::{Pid, Signal};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Result;
use super::victim::Victim;

/// The longest time that a killed gateway is gone.
const AWAY_MAX: Duration = Duration::from_secs(2);

/// How long a gateway may take until it listens.
const START_MAX: Duration = Duration::from_secs(30);

/// How often it is tried whether it listens.
const START_LOOK: Duration = Duration::from_millis(20);

/// One `callboard serve` after the other on one port.
#[derive(Debug)]
pub(super) struct Gateway {
    /// Which one it is, from 1.
    pub(super) number: u16,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// The process, while there is one.
    running: Mutex<Option<Arc<Victim>>>,
    /// How often it ended although nobody killed it.
    ended_unasked: AtomicU64,
}

impl Gateway {
    /// A gateway that does not run yet.
    pub(super) fn new(number: u16, address: SocketAddr) -> Self {
        let (running, ended_unasked) = (Mutex::new(None), AtomicU64::new(0));
        Self { number, address, running, ended_unasked }
    }

    /// The process, while there is one.
    pub(super) fn running(&self) -> Option<Arc<Victim>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often it ended although nobody killed it.
    pub(super) fn ended_unasked(&self) -> u64 {
        self.ended_unasked.load(Ordering::Relaxed)
    }

    /// Runs the command, again and again, until `stop` turns true. All of its
    /// processes write to one log.
    pub(super) async fn keep(
        self: Arc<Self>,
        mut command: Command,
        log: File,
        warden: Arc<Warden>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<()> {
        loop {
            command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
            // A group of its own: Ctrl-C in the terminal is not meant for it.
            let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
            let victim = Victim::of(child.id().expect("nobody has waited for it"))?;
            let group = Pid::from_raw(victim.pid().cast_signed()).expect("a process has a number");
            warden.watch(group);
            self.set_running(Some(Arc::new(victim)));
            let ended = tokio::select! {
                ended = child.wait() => Some(ended?),
                _ = stop.wait_for(|stop| *stop) => None,
            };
            self.set_running(None);
            let Some(status) = ended else {
                // SIGKILL, which ends a frozen one too.
                child.kill().await?;
                warden.forget(group);
                return Ok(());
            };
            warden.forget(group);
            if !is_kill(status) {
                self.ended_unasked.fetch_add(1, Ordering::Relaxed);
            }
            tokio::select! {
                () = sleep(AWAY_MAX.mul_f64(fastrand::f64())) => {}
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            }
        }
    }

    /// Waits until it listens.
    pub(super) async fn until_it_listens(&self) -> Result<()> {
        let give_up = Instant::now() + START_MAX;
        while TcpStream::connect(self.address).await.is_err() {
            if Instant::now() > give_up {
                return Err(format!("gateway {} does not start", self.number).into());
            }
            sleep(START_LOOK).await;
        }
        Ok(())
    }

    fn set_running(&self, running: Option<Arc<Victim>>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}

fn is_kill(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}
