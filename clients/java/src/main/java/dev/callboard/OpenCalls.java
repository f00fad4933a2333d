package dev.callboard;

import java.time.Duration;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** What a client that closes waits for. */
final class OpenCalls {
  /** Something that has begun and not ended. */
  interface Open {
    /** Ends it at once, because the client waits no longer. */
    void clientClosed();
  }

  private final Set<Open> open = Collections.newSetFromMap(new IdentityHashMap<>());
  private boolean isClosing;

  /** Counts something that begins, until it ends; false when nothing begins any more. */
  synchronized boolean begin(Open call) {
    if (!isClosing) {
      open.add(call);
    }
    return !isClosing;
  }

  synchronized void end(Open call) {
    open.remove(call);
    notifyAll();
  }

  /** Lets nothing begin any more; what is open after the grace is ended. */
  void close(Duration grace) {
    List<Open> rest;
    boolean isInterrupted = false;
    synchronized (this) {
      isClosing = true;
      long end = System.nanoTime() + grace.toNanos();
      for (long left = end - System.nanoTime();
          left > 0 && !open.isEmpty() && !isInterrupted;
          left = end - System.nanoTime()) {
        try {
          TimeUnit.NANOSECONDS.timedWait(this, left);
        } catch (InterruptedException e) {
          isInterrupted = true;
        }
      }
      rest = List.copyOf(open);
    }
    rest.forEach(Open::clientClosed);
    if (isInterrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
