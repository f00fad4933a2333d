package dev.callboard;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.function.UnaryOperator;

/**
 * What stubs call one actor through: their requests need no key of their own. It costs nothing to
 * make, and may be shared by threads.
 *
 * <pre>{@code
 * var account = AccountGrpc.newBlockingStub(client.actor("alice"));
 * account.deposit(DepositRequest.newBuilder().setCents(500).build());
 * }</pre>
 *
 * <p>A stub's calls have a deadline and are tried again as the client's settings say; what else can
 * be said of one call is in {@link CallOption}.
 */
public final class Actor extends Channel {
  private final CallboardClient client;
  private final String key;

  Actor(CallboardClient client, String key) {
    this.client = client;
    this.key = key;
  }

  /**
   * Makes a message of a method and its request.
   *
   * <pre>{@code
   * client.actor("alice").message(AccountGrpc.getDepositMethod(), request).tell();
   * }</pre>
   *
   * @param <Q> the method's request
   * @param <R> the method's response
   * @param method as the generated code has it
   * @param request what to send
   * @return the message, with an id of its own
   */
  public <Q, R> Message<R> message(MethodDescriptor<Q, R> method, Q request) {
    return new Message<>(new TypedMessage<>(this, method, request));
  }

  /**
   * Gives the response to a message that was sent before, by whomever. The message need not have
   * arrived yet.
   *
   * @param <R> the method's response
   * @param method which the message was of, as the generated code has it
   * @param messageId the id of the message
   * @return what can be waited for
   */
  public <R> PendingReply<R> pickUp(MethodDescriptor<?, R> method, String messageId) {
    return new PendingReply<>(route(method, key), messageId);
  }

  /**
   * Makes a call of a stub.
   *
   * @throws IllegalArgumentException when the method streams: no actor has such methods
   */
  @Override
  public <Q, R> ClientCall<Q, R> newCall(MethodDescriptor<Q, R> method, CallOptions options) {
    if (method.getType() != MethodDescriptor.MethodType.UNARY) {
      throw new IllegalArgumentException(
          method.getFullMethodName() + " streams, and methods of actors do not");
    }
    boolean isTell = CallOption.isTell(options) || Schema.of(method).isTell();
    Duration timeout = isTell ? client.tellTimeout() : client.askTimeout();
    return new RetryingCall<>(client, method, options, timeout, envelope(options));
  }

  @Override
  public String authority() {
    return client.channel().authority();
  }

  CallboardClient client() {
    return client;
  }

  String key() {
    return key;
  }

  /** What is said of a message, and where it goes: in headers, or in the request. */
  private <Q> Envelope<Q> envelope(CallOptions options) {
    String given = options.getOption(CallOption.MESSAGE_ID);
    String id = given == null ? MessageId.mint() : given;
    Metadata headers = new Metadata();
    if (id.isEmpty() || !Headers.canHold(id)) {
      return new Envelope<>(id, headers, Actor::refuseId);
    }
    headers.put(Headers.MESSAGE_ID, id);
    if (CallOption.isTell(options)) {
      headers.put(Headers.MODE, "tell");
    }
    if (options.getOption(CallOption.DELAY) != null) {
      headers.put(Headers.DELAY, options.getOption(CallOption.DELAY).toMillis() + "ms");
    }
    if (options.getOption(CallOption.DELIVER_AT) != null) {
      headers.put(Headers.DELIVER_AT, options.getOption(CallOption.DELIVER_AT).toString());
    }
    if (Headers.canHold(key)) {
      if (!key.isEmpty()) {
        headers.put(Headers.KEY, key);
      }
      return new Envelope<>(id, headers, UnaryOperator.identity());
    }
    return new Envelope<>(id, headers, this::fill);
  }

  private static <Q> Q refuseId(Q request) {
    throw CallboardException.invalid(
        Headers.MESSAGE_ID.name(), "it is empty, or not visible ASCII");
  }

  /** A request with a key that no header can hold. */
  @SuppressWarnings("unchecked") // Of a builder of Q comes a Q.
  <Q> Q fill(Q request) {
    if (Headers.canHold(key)) {
      return request;
    }
    if (!(request instanceof com.google.protobuf.Message message)) {
      throw CallboardException.invalid(
          Headers.KEY.name(), "it is not visible ASCII, and the request has no descriptor");
    }
    return (Q) KeyFields.fill(message, key);
  }

  <R> Route<R> route(MethodDescriptor<?, R> method, String key) {
    return new Route<>(
        client,
        new Address(Schema.of(method).type(), key),
        method.getBareMethodName(),
        new Format<>(false, (encoded, json) -> method.parseResponse(encoded.newInput())));
  }
}
