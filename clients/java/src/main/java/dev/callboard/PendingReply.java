package dev.callboard;

import dev.callboard.v1.AwaitRequest;
import dev.callboard.v1.GatewayGrpc;
import io.grpc.CallOptions;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * The response to an ask that was sent before, by this program or another one. It is made by {@link
 * Message#start}, {@link Actor#pickUp}, {@link CallboardClient#pickUpJson} and {@link
 * CallboardClient#pickUpEncoded}, and may be shared by threads.
 *
 * <p>To wait ends as the ask would have, and can be done several times. When the time is over it
 * fails with {@link CallboardException.DeadlineExceeded}, which says only that no reply is stored
 * yet.
 *
 * @param <R> the method's response
 */
public final class PendingReply<R> {
  private final Route<R> route;
  private final String messageId;

  PendingReply(Route<R> route, String messageId) {
    this.route = route;
    this.messageId = messageId;
  }

  /**
   * The id of the message. With it and the address another program can pick the response up, for 24
   * hours.
   *
   * @return the id
   */
  public String messageId() {
    return messageId;
  }

  /**
   * The actor's address.
   *
   * @return the address
   */
  public Address address() {
    return route.address();
  }

  /**
   * Waits for the response as long as the client lets an ask take: 30 s unless it is set.
   *
   * @return the response
   * @throws CallboardException when there is none
   */
  public R await() {
    return waiting(CallOptions.DEFAULT).block();
  }

  /**
   * Waits for the response.
   *
   * @param timeout how long
   * @return the response
   * @throws CallboardException when there is none
   */
  public R await(Duration timeout) {
    return waiting(within(timeout)).block();
  }

  /**
   * As {@link #await()}, without blocking. To cancel the future gives up waiting; the message is
   * processed all the same.
   *
   * @return the response
   */
  public CompletableFuture<R> awaitAsync() {
    return waiting(CallOptions.DEFAULT).send();
  }

  /**
   * As {@link #await(Duration)}, without blocking. To cancel the future gives up waiting; the
   * message is processed all the same.
   *
   * @param timeout how long to wait
   * @return the response
   */
  public CompletableFuture<R> awaitAsync(Duration timeout) {
    return waiting(within(timeout)).send();
  }

  private static CallOptions within(Duration timeout) {
    return CallOptions.DEFAULT.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
  }

  private Invocation<?, ?, R> waiting(CallOptions options) {
    AwaitRequest request =
        AwaitRequest.newBuilder()
            .setAddress(route.address().toProto())
            .setMessageId(messageId)
            .setJsonOfMethod(route.format().isJson() ? route.method() : "")
            .build();
    return new Invocation<>(
        route.client().gateway(),
        GatewayGrpc.getAwaitMethod(),
        options.withOption(CallOption.MESSAGE_ID, messageId),
        request,
        route.format()::read);
  }
}
