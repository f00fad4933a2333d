package dev.callboard;

import java.time.Duration;
import java.util.Optional;

/**
 * How a call is tried again. That happens only after UNAVAILABLE, and after errors that say when to
 * come again ({@code google.rpc.RetryInfo}), with the same message id, and not beyond the call's
 * deadline. It never happens after DEADLINE_EXCEEDED.
 *
 * @param attempts how many there are at most, the first one included, from 1
 * @param base bounds the first wait, which is chosen at random between nothing and this; each
 *     further bound is twice the one before
 * @param cap the largest bound. When an error says how long to wait, the wait is that, and up to a
 *     fifth more, instead.
 */
public record RetryPolicy(int attempts, Duration base, Duration cap) {
  /** Five attempts, a base of 100 ms and a cap of 2 s. */
  public static final RetryPolicy DEFAULT =
      new RetryPolicy(5, Duration.ofMillis(100), Duration.ofSeconds(2));

  /** Each call is a single attempt. */
  public static final RetryPolicy NONE = DEFAULT.withAttempts(1);

  /** By which part the wait that an error asks for is prolonged at most. */
  private static final double JITTER = 0.2;

  /**
   * Makes a policy.
   *
   * @param attempts how many there are at most, the first one included, from 1
   * @param base the first bound of the waits, from 0
   * @param cap their largest bound, from 0
   * @throws IllegalArgumentException when there is no attempt, or a wait is negative
   */
  public RetryPolicy {
    if (attempts < 1 || base.isNegative() || cap.isNegative()) {
      throw new IllegalArgumentException("a call has at least one attempt, and no negative waits");
    }
  }

  /**
   * The same with another number of attempts.
   *
   * @param attempts how many there are at most, the first one included, from 1
   * @return the other policy
   */
  public RetryPolicy withAttempts(int attempts) {
    return new RetryPolicy(attempts, base, cap);
  }

  /**
   * The same with other bounds of the waits.
   *
   * @param base the first bound
   * @param cap the largest bound
   * @return the other policy
   */
  public RetryPolicy withBackoff(Duration base, Duration cap) {
    return new RetryPolicy(attempts, base, cap);
  }

  /**
   * How long to wait after an attempt, counted from 1, that failed; empty when there must be no
   * further one. {@code random} is in [0, 1).
   */
  Optional<Duration> wait(int attempt, CallboardException failed, double random) {
    if (attempt >= attempts || !failed.isRetryable()) {
      return Optional.empty();
    }
    Optional<Duration> asked = failed.retryDelay();
    if (asked.isPresent()) {
      return Optional.of(part(asked.get(), 1 + random * JITTER));
    }
    Duration bound = base;
    for (int i = 1; i < attempt && bound.compareTo(cap) < 0; i++) {
      bound = bound.multipliedBy(2);
    }
    return Optional.of(part(bound.compareTo(cap) < 0 ? bound : cap, random));
  }

  private static Duration part(Duration whole, double factor) {
    return Duration.ofNanos((long) (whole.toNanos() * factor));
  }
}
