package dev.callboard;

import com.google.protobuf.Duration;
import com.google.protobuf.Timestamp;
import dev.callboard.v1.AskRequest;
import dev.callboard.v1.GatewayGrpc;
import dev.callboard.v1.TellRequest;
import io.grpc.CallOptions;
import java.time.Instant;
import java.util.function.Consumer;

/** A message that is sent by name, without a stub. */
final class NamedMessage<R> implements Message.Writing<R> {
  private final Route<R> route;
  private final Consumer<dev.callboard.v1.Message.Builder> payload;

  /**
   * @param payload puts the request into a message
   */
  NamedMessage(Route<R> route, Consumer<dev.callboard.v1.Message.Builder> payload) {
    this.route = route;
    this.payload = payload;
  }

  @Override
  public Route<R> route() {
    return route;
  }

  @Override
  public Invocation<?, ?, Reply<R>> asking(CallOptions options) {
    return new Invocation<>(
        route.client().gateway(),
        GatewayGrpc.getAskMethod(),
        options,
        AskRequest.newBuilder().setMessage(named(options.getOption(CallOption.MESSAGE_ID))).build(),
        route.format()::read);
  }

  @Override
  public Invocation<?, ?, Receipt> telling(CallOptions options) {
    return new Invocation<>(
        route.client().gateway(),
        GatewayGrpc.getTellMethod(),
        options,
        tellRequest(named(options.getOption(CallOption.MESSAGE_ID)), options),
        answer -> Receipt.of(answer.getReceipt()));
  }

  @Override
  public dev.callboard.v1.Message named(String id) {
    dev.callboard.v1.Message.Builder named =
        dev.callboard.v1.Message.newBuilder()
            .setAddress(route.address().toProto())
            .setMethod(route.method())
            .setMessageId(id);
    payload.accept(named);
    return named.build();
  }

  /** A message by name, and when it is delivered. */
  static TellRequest tellRequest(dev.callboard.v1.Message named, CallOptions options) {
    TellRequest.Builder request = TellRequest.newBuilder().setMessage(named);
    java.time.Duration delay = options.getOption(CallOption.DELAY);
    if (delay != null) {
      request.setDelay(
          Duration.newBuilder().setSeconds(delay.getSeconds()).setNanos(delay.getNano()));
    }
    Instant time = options.getOption(CallOption.DELIVER_AT);
    if (time != null) {
      request.setDeliverAt(
          Timestamp.newBuilder().setSeconds(time.getEpochSecond()).setNanos(time.getNano()));
    }
    return request.build();
  }
}
