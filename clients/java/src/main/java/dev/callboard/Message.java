package dev.callboard;

import dev.callboard.v1.TellRequest;
import io.grpc.CallOptions;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * A message to an actor that is not sent yet. It has its id from the beginning: sent several times,
 * it is handled once, so after {@link CallboardException.DeadlineExceeded} asking it again is safe.
 *
 * <p>It is made by {@link Actor#message}, {@link CallboardClient#jsonMessage} and {@link
 * CallboardClient#encodedMessage}, is immutable, and may be shared by threads.
 *
 * <p>The methods whose names end with {@code Async} do not block, and their futures end with a
 * {@link CallboardException} where the others throw it. To cancel such a future ends the wait; what
 * was sent is processed all the same.
 *
 * @param <R> the method's response
 */
public final class Message<R> {
  private final Writing<R> writing;
  private final CallOptions options;
  private final Duration timeout;

  Message(Writing<R> writing) {
    this(writing, CallOptions.DEFAULT.withOption(CallOption.MESSAGE_ID, MessageId.mint()), null);
  }

  private Message(Writing<R> writing, CallOptions options, Duration timeout) {
    this.writing = writing;
    this.options = options;
    this.timeout = timeout;
  }

  /**
   * The same with an id of the caller's.
   *
   * @param id 1 to 128 visible ASCII characters other than {@code /}, unique among the actor's
   *     messages
   * @return the other message
   * @throws IllegalArgumentException when it is empty; else the gateway sees what is wrong with it
   */
  public Message<R> withId(String id) {
    if (id.isEmpty()) {
      throw new IllegalArgumentException("an id has at least one character");
    }
    return with(CallOption.MESSAGE_ID, id);
  }

  /**
   * The same with a deadline of its own, for all attempts together.
   *
   * @param timeout how long each call of it may take
   * @return the other message
   */
  public Message<R> withTimeout(Duration timeout) {
    return new Message<>(writing, options, timeout);
  }

  /**
   * The same, delivered so much later, instead of {@link #at}. It cannot be asked.
   *
   * @param delay at most 366 days, to the millisecond
   * @return the other message
   */
  public Message<R> after(Duration delay) {
    return with(CallOption.DELAY, delay);
  }

  /**
   * The same, delivered at a time, instead of {@link #after}. It cannot be asked.
   *
   * @param time at most 366 days from now; at once when it is over
   * @return the other message
   */
  public Message<R> at(Instant time) {
    return with(CallOption.DELIVER_AT, time);
  }

  /**
   * The message's id.
   *
   * @return the id
   */
  public String id() {
    return options.getOption(CallOption.MESSAGE_ID);
  }

  /**
   * The actor's address.
   *
   * @return the address; its key is empty when the gateway makes one, and when it is in a request
   *     without a generated class
   */
  public Address address() {
    return writing.route().address();
  }

  /**
   * Sends the message, and waits for the actor's response.
   *
   * @return the response, and what became of the message
   * @throws CallboardException when there is no response
   * @throws IllegalStateException when the message is to be delivered later
   */
  public Reply<R> ask() {
    return asking().block();
  }

  /**
   * As {@link #ask}, without blocking.
   *
   * @return the response, and what became of the message
   * @throws IllegalStateException when the message is to be delivered later
   */
  public CompletableFuture<Reply<R>> askAsync() {
    return asking().send();
  }

  /**
   * Sends the message, and waits until it is stored. The method may be an ask: its reply is kept
   * for 24 hours, for who picks it up. It must not be read-only.
   *
   * @return what became of the message
   * @throws CallboardException when it is not stored, or not known to be
   */
  public Receipt tell() {
    return writing.telling(options()).block();
  }

  /**
   * As {@link #tell}, without blocking.
   *
   * @return what became of the message
   */
  public CompletableFuture<Receipt> tellAsync() {
    return writing.telling(options()).send();
  }

  /**
   * Sends an ask, waits until it is stored, and leaves its response for later.
   *
   * @return the response, which can be waited for
   * @throws CallboardException when it is not stored, or not known to be
   */
  public PendingReply<R> start() {
    return writing.telling(options()).then(this::pending).block();
  }

  /**
   * As {@link #start}, without blocking.
   *
   * @return the response, which can be waited for
   */
  public CompletableFuture<PendingReply<R>> startAsync() {
    return writing.telling(options()).then(this::pending).send();
  }

  CallboardClient client() {
    return writing.route().client();
  }

  Format<R> format() {
    return writing.route().format();
  }

  /** The message by name. */
  dev.callboard.v1.Message named() {
    try {
      return writing.named(id());
    } catch (CallboardException e) {
      throw e.forMessage(id());
    }
  }

  /** The message by name, and when it is delivered. */
  TellRequest tellRequest() {
    return NamedMessage.tellRequest(named(), options);
  }

  private Invocation<?, ?, Reply<R>> asking() {
    if (CallOption.isTell(options)) {
      throw new IllegalStateException("a message that is delivered later cannot be asked");
    }
    return writing.asking(options());
  }

  private PendingReply<R> pending(Receipt receipt) {
    Route<R> route = writing.route();
    return new PendingReply<>(receipt.newKey().map(route::withKey).orElse(route), id());
  }

  private <T> Message<R> with(CallOptions.Key<T> option, T value) {
    return new Message<>(writing, options.withOption(option, value), timeout);
  }

  private CallOptions options() {
    return timeout == null
        ? options
        : options.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** How a message is written. */
  interface Writing<R> {
    Route<R> route();

    Invocation<?, ?, Reply<R>> asking(CallOptions options);

    Invocation<?, ?, Receipt> telling(CallOptions options);

    dev.callboard.v1.Message named(String id);
  }
}
