package dev.callboard;

import io.grpc.CallOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Consumer;

/**
 * What can be said of one call of a stub, beside gRPC's own options:
 *
 * <pre>{@code
 * account.withOption(CallOption.MESSAGE_ID, "order-7").deposit(request);
 * account.withDeadlineAfter(Duration.ofSeconds(5)).deposit(request);
 * }</pre>
 */
public final class CallOption {
  /**
   * Gives the message an id: 1 to 128 visible ASCII characters other than {@code /}, unique among
   * the actor's messages. Sent again with it, also by another program, the message is handled once,
   * for 24 hours. Without this option the message gets a UUID of version 7.
   *
   * <p>A stub that has it sends every message with this id: take it from a stub of one call.
   */
  public static final CallOptions.Key<String> MESSAGE_ID = CallOptions.Key.create("message id");

  /**
   * Has the message delivered so much later, at most 366 days, to the millisecond. The call is then
   * answered when the message is stored, with a response that has no fields.
   */
  public static final CallOptions.Key<Duration> DELAY = CallOptions.Key.create("delay");

  /**
   * Has the message delivered at a time, at most 366 days from now; at once when it is over. The
   * call is answered when the message is stored, with a response that has no fields.
   */
  public static final CallOptions.Key<Instant> DELIVER_AT = CallOptions.Key.create("deliver at");

  /**
   * Is told what became of the message, before the call is answered, and not at all after a
   * read-only ask or an error. It must not block.
   */
  public static final CallOptions.Key<Consumer<Receipt>> ON_RECEIPT =
      CallOptions.Key.create("on receipt");

  /** Has an ask answered when it is stored. */
  static final CallOptions.Key<Boolean> TELL = CallOptions.Key.createWithDefault("tell", false);

  private CallOption() {}

  /** Whether a call is answered when its message is stored, whatever its method. */
  static boolean isTell(CallOptions options) {
    return options.getOption(TELL)
        || options.getOption(DELAY) != null
        || options.getOption(DELIVER_AT) != null;
  }
}
