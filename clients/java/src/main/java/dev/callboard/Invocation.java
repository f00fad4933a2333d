package dev.callboard;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCalls;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/**
 * A call that can be made, blocking or not.
 *
 * @param <Q> what is sent
 * @param <A> what is answered
 * @param <T> what the caller gets of it
 */
record Invocation<Q, A, T>(
    Channel channel,
    MethodDescriptor<Q, A> method,
    CallOptions options,
    Q request,
    Function<A, T> result) {

  T block() {
    A answer;
    try {
      answer = ClientCalls.blockingUnaryCall(channel, method, options, request);
    } catch (StatusRuntimeException e) {
      throw CallboardException.from(e);
    }
    return result.apply(answer);
  }

  CompletableFuture<T> send() {
    ClientCall<Q, A> call = channel.newCall(method, options);
    CompletableFuture<T> future =
        new CallFuture<>(() -> call.cancel("the caller gave up waiting", null));
    call.start(new Completion<>(future, result), new Metadata());
    call.request(2);
    call.sendMessage(request);
    call.halfClose();
    return future;
  }

  /** Has a further step taken with what the caller gets. */
  <U> Invocation<Q, A, U> then(Function<T, U> next) {
    return new Invocation<>(channel, method, options, request, result.andThen(next));
  }

  private static final class Completion<A, T> extends ClientCall.Listener<A> {
    private final CompletableFuture<T> future;
    private final Function<A, T> result;
    private A answer;

    Completion(CompletableFuture<T> future, Function<A, T> result) {
      this.future = future;
      this.result = result;
    }

    @Override
    public void onMessage(A message) {
      answer = message;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (!status.isOk()) {
        future.completeExceptionally(CallboardException.from(status.asException(trailers)));
        return;
      }
      try {
        future.complete(result.apply(answer));
      } catch (CallboardException e) {
        future.completeExceptionally(e);
      }
    }
  }
}
