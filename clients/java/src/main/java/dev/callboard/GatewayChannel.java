package dev.callboard;

import dev.callboard.v1.GatewayGrpc;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import java.time.Duration;
import java.util.Set;
import java.util.function.UnaryOperator;

/** What the unary calls of callboard.v1.Gateway go through: all they say is in their requests. */
final class GatewayChannel extends Channel {
  private static final Set<MethodDescriptor<?, ?>> TELLS =
      Set.of(GatewayGrpc.getTellMethod(), GatewayGrpc.getCancelMethod());

  private final CallboardClient client;

  GatewayChannel(CallboardClient client) {
    this.client = client;
  }

  @Override
  public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
    Duration timeout = TELLS.contains(method) ? client.tellTimeout() : client.askTimeout();
    String id = options.getOption(CallOption.MESSAGE_ID);
    return new RetryingCall<>(
        client,
        method,
        options,
        timeout,
        new Envelope<>(id, new Metadata(), UnaryOperator.identity()));
  }

  @Override
  public String authority() {
    return client.channel().authority();
  }
}
