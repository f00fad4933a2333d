package dev.callboard;

import counter.v1.CounterGrpc;
import counter.v1.CounterOuterClass.AddRequest;
import counter.v1.CounterOuterClass.AddResponse;
import dev.callboard.v1.AskManyRequest;
import dev.callboard.v1.AskManyResponse;
import dev.callboard.v1.GatewayGrpc;
import dev.callboard.v1.TellStreamRequest;
import dev.callboard.v1.TellStreamResponse;
import io.grpc.ForwardingServerCall;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** A gateway that answers what a test says, with the receipt of a message `m`. */
final class ScriptedGateway implements AutoCloseable {
  /** The headers of each call, in order. */
  final List<Metadata> calls = new CopyOnWriteArrayList<>();

  /** How each call of Counter.Add ends, in order; after that it is answered with 0. */
  final Queue<Status> adds = new ConcurrentLinkedQueue<>();

  /** What each AskMany is answered with, in order. */
  final Queue<Answer<AskManyRequest, AskManyResponse>> askManies = new ConcurrentLinkedQueue<>();

  /** What reads the messages of each TellStream, in order. */
  final Queue<Supplier<Tells>> streams = new ConcurrentLinkedQueue<>();

  /** Has calls of Counter.Add neither answered nor ended. */
  volatile boolean hangs;

  private final Server server;

  interface Answer<Q, A> {
    void to(Q request, StreamObserver<A> answers);
  }

  /** Is given each message of a stream. */
  interface Tells {
    void received(TellStreamRequest message, StreamObserver<TellStreamResponse> receipts);
  }

  ScriptedGateway() throws IOException {
    server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(new Counter())
            .addService(new Gateway())
            .intercept(new Recorder())
            .build()
            .start();
  }

  String url() {
    return "http://localhost:" + server.getPort();
  }

  CallboardClient.Builder client() {
    return CallboardClient.builder(url())
        .retry(
            RetryPolicy.DEFAULT.withBackoff(
                java.time.Duration.ofMillis(5), java.time.Duration.ofMillis(5)));
  }

  /** The values of a header, one for each call that has it. */
  List<String> headers(String name) {
    return calls.stream()
        .map(headers -> headers.get(Headers.key(name)))
        .filter(value -> value != null)
        .toList();
  }

  /** Waits until there were so many calls. */
  void awaitCalls(int count) throws InterruptedException {
    while (calls.size() < count) {
      TimeUnit.MILLISECONDS.sleep(1);
    }
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  private final class Counter extends CounterGrpc.CounterImplBase {
    @Override
    public void add(AddRequest request, StreamObserver<AddResponse> answers) {
      Status status = adds.poll();
      if (status != null) {
        answers.onError(status.asRuntimeException());
      } else if (!hangs) {
        answers.onNext(AddResponse.getDefaultInstance());
        answers.onCompleted();
      }
    }
  }

  private final class Gateway extends GatewayGrpc.GatewayImplBase {
    @Override
    public void askMany(AskManyRequest request, StreamObserver<AskManyResponse> answers) {
      askManies.remove().to(request, answers);
    }

    @Override
    public StreamObserver<TellStreamRequest> tellStream(
        StreamObserver<TellStreamResponse> receipts) {
      Tells tells = streams.remove().get();
      return new StreamObserver<>() {
        @Override
        public void onNext(TellStreamRequest message) {
          tells.received(message, receipts);
        }

        @Override
        public void onError(Throwable thrown) {}

        @Override
        public void onCompleted() {
          receipts.onCompleted();
        }
      };
    }
  }

  private final class Recorder implements ServerInterceptor {
    @Override
    public <Q, A> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
      calls.add(headers);
      ServerCall<Q, A> told =
          new ForwardingServerCall.SimpleForwardingServerCall<>(call) {
            @Override
            public void sendHeaders(Metadata answer) {
              answer.put(Headers.MESSAGE_ID, "m");
              super.sendHeaders(answer);
            }
          };
      return next.startCall(told, headers);
    }
  }
}
