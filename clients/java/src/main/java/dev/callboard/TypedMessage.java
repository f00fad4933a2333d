package dev.callboard;

import com.google.protobuf.ByteString;
import io.grpc.CallOptions;
import io.grpc.MethodDescriptor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicReference;

/** A message that is sent as a stub sends it. */
final class TypedMessage<Q, R> implements Message.Writing<R> {
  private final Actor actor;
  private final MethodDescriptor<Q, R> method;
  private final Q request;
  private final Route<R> route;

  TypedMessage(Actor actor, MethodDescriptor<Q, R> method, Q request) {
    this.actor = actor;
    this.method = method;
    this.request = request;
    boolean isInRequest = actor.key().isEmpty() && request instanceof com.google.protobuf.Message;
    String key = isInRequest ? KeyFields.read((com.google.protobuf.Message) request) : actor.key();
    this.route = actor.route(method, key);
  }

  @Override
  public Route<R> route() {
    return route;
  }

  @Override
  public Invocation<?, ?, Reply<R>> asking(CallOptions options) {
    AtomicReference<Receipt> receipt = new AtomicReference<>();
    return new Invocation<>(
        actor,
        method,
        options.withOption(CallOption.ON_RECEIPT, receipt::set),
        request,
        response -> new Reply<>(response, Optional.ofNullable(receipt.get())));
  }

  @Override
  public Invocation<?, ?, Receipt> telling(CallOptions options) {
    String id = options.getOption(CallOption.MESSAGE_ID);
    // It stays so only when it is not the gateway that answers.
    Receipt none = new Receipt(id, OptionalLong.empty(), false, Optional.empty());
    AtomicReference<Receipt> receipt = new AtomicReference<>(none);
    return new Invocation<>(
        actor,
        method,
        options.withOption(CallOption.ON_RECEIPT, receipt::set).withOption(CallOption.TELL, true),
        request,
        response -> receipt.get());
  }

  @Override
  public dev.callboard.v1.Message named(String id) {
    // As the stub's own call has it: sent again by the other way, it must be the same message.
    try (InputStream encoded = method.streamRequest(actor.fill(request))) {
      return dev.callboard.v1.Message.newBuilder()
          .setAddress(route.address().toProto())
          .setMethod(route.method())
          .setMessageId(id)
          .setEncoded(ByteString.readFrom(encoded))
          .build();
    } catch (IOException e) {
      throw new UncheckedIOException("memory can be read", e);
    }
  }
}
