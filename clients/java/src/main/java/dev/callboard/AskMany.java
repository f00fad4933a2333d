package dev.callboard;

import dev.callboard.v1.AskManyRequest;
import dev.callboard.v1.AskManyResponse;
import dev.callboard.v1.GatewayGrpc;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Several asks at once, with all of their attempts. */
final class AskMany<R> implements OpenCalls.Open {
  private final CallboardClient client;
  private final List<? extends Message<? extends R>> messages;
  private final CallOptions options;
  private final Context context = Context.current();
  private final Metadata headers = new Metadata();
  private final CallFuture<List<Result<R>>> future = new CallFuture<>(this::abandon);

  private final Object lock = new Object();
  private final List<Result<R>> results = new ArrayList<>();

  /** The places of the messages that are asked in this attempt. */
  private List<Integer> asked = new ArrayList<>();

  private int attempts;
  private ClientCall<AskManyRequest, AskManyResponse> call;
  private Future<?> pause;
  private boolean isDone;

  AskMany(CallboardClient client, List<? extends Message<? extends R>> messages, Duration timeout) {
    this.client = client;
    this.messages = List.copyOf(messages);
    this.options = CallOptions.DEFAULT.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
    Traces.addTo(headers);
  }

  CallFuture<List<Result<R>>> send() {
    boolean isOpen = client.openCalls().begin(this);
    for (int place = 0; place < messages.size(); place++) {
      results.add(null);
      if (isOpen) {
        asked.add(place);
      } else {
        Status closed = Status.CANCELLED.withDescription("the client is closed; nothing was sent");
        fail(place, CallboardException.of(closed, ""));
      }
    }
    nextAttempt();
    return future;
  }

  @Override
  public void clientClosed() {
    end(Status.CANCELLED.withDescription("the client was closed before the answer came"));
  }

  private void abandon() {
    end(Status.CANCELLED.withDescription("the caller gave up waiting"));
  }

  private void end(Status status) {
    ClientCall<AskManyRequest, AskManyResponse> underWay;
    synchronized (lock) {
      if (isDone) {
        return;
      }
      isDone = true;
      underWay = call;
      if (pause != null) {
        pause.cancel(false);
      }
      for (int place : asked) {
        fail(place, CallboardException.of(status, ""));
      }
    }
    if (underWay != null) {
      underWay.cancel(status.getDescription(), null);
    }
    complete();
  }

  private void nextAttempt() {
    synchronized (lock) {
      if (isDone) {
        return;
      }
      pause = null;
      AskManyRequest.Builder request = AskManyRequest.newBuilder();
      List<Integer> open = new ArrayList<>();
      for (int place : asked) {
        results.set(place, null);
        try {
          request.addMessages(messages.get(place).named());
          open.add(place);
        } catch (CallboardException e) {
          fail(place, e);
        }
      }
      asked = open;
      if (!asked.isEmpty()) {
        attempts++;
        Metadata own = new Metadata();
        own.merge(headers);
        call = client.channel().newCall(GatewayGrpc.getAskManyMethod(), options);
        call.start(new Answers(List.copyOf(asked)), own);
        call.request(asked.size() + 1);
        call.sendMessage(request.build());
        call.halfClose();
        return;
      }
      isDone = true;
    }
    complete();
  }

  private void take(int place, AskManyResponse answer) {
    Message<? extends R> message = messages.get(place);
    if (answer.hasError()) {
      fail(place, CallboardException.of(answer.getError(), message.id()));
      return;
    }
    try {
      Reply<? extends R> reply = message.format().read(answer.getResponse());
      results.set(place, Result.of(new Reply<R>(reply.response(), reply.receipt())));
      asked.remove((Integer) place);
    } catch (CallboardException e) {
      fail(place, e);
    }
  }

  private void fail(int place, CallboardException failed) {
    results.set(place, Result.of(failed.forMessage(messages.get(place).id())));
  }

  /** Asks again what may be asked again; false when nothing may. */
  private boolean askAgain() {
    List<Integer> again = new ArrayList<>();
    Duration longest = Duration.ZERO;
    for (int place : asked) {
      CallboardException failed = results.get(place).error().orElseThrow();
      Optional<Duration> wait =
          client.retry().wait(attempts, failed, client.random()).filter(this::isInTime);
      if (wait.isPresent()) {
        again.add(place);
        longest = wait.get().compareTo(longest) > 0 ? wait.get() : longest;
      }
    }
    asked = again;
    if (!asked.isEmpty()) {
      pause = client.later(longest, context.wrap(this::nextAttempt));
    }
    return !asked.isEmpty();
  }

  private boolean isInTime(Duration wait) {
    return options.getDeadline().timeRemaining(TimeUnit.NANOSECONDS) > wait.toNanos();
  }

  private void complete() {
    client.openCalls().end(this);
    future.complete(List.copyOf(results));
  }

  /** The answers to one attempt. */
  private final class Answers extends ClientCall.Listener<AskManyResponse> {
    private final List<Integer> places;

    Answers(List<Integer> places) {
      this.places = places;
    }

    @Override
    public void onMessage(AskManyResponse answer) {
      synchronized (lock) {
        if (!isDone && answer.getIndex() >= 0 && answer.getIndex() < places.size()) {
          take(places.get(answer.getIndex()), answer);
        }
      }
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      Status ended =
          status.isOk()
              ? Status.UNAVAILABLE.withDescription("the answer ended before all results came")
              : status;
      synchronized (lock) {
        if (isDone) {
          return;
        }
        call = null;
        CallboardException failed = CallboardException.of(ended, trailers, "", Optional.empty());
        for (int place : asked) {
          if (results.get(place) == null) {
            fail(place, failed);
          }
        }
        if (askAgain()) {
          return;
        }
        isDone = true;
      }
      complete();
    }
  }
}
