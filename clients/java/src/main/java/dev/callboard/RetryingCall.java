package dev.callboard;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** One unary call, with all of its attempts. */
final class RetryingCall<Q, A> extends ClientCall<Q, A> implements OpenCalls.Open {
  private final CallboardClient client;
  private final MethodDescriptor<Q, A> method;
  private final Envelope<Q> envelope;
  private final Context context = Context.current();
  private final Metadata headers = new Metadata();
  private CallOptions options;
  private Listener<A> listener;
  private Q request;

  private final Object lock = new Object();
  private int attempts;
  private ClientCall<Q, A> attempt;
  private Future<?> pause;
  private Status given;
  private boolean isDone;

  /**
   * @param timeout for the whole call, when neither its options nor its context have a deadline
   */
  RetryingCall(
      CallboardClient client,
      MethodDescriptor<Q, A> method,
      CallOptions options,
      Duration timeout,
      Envelope<Q> envelope) {
    this.client = client;
    this.method = method;
    this.envelope = envelope;
    Deadline deadline = earlier(options.getDeadline(), context.getDeadline());
    this.options =
        options.withDeadline(
            deadline == null ? Deadline.after(timeout.toNanos(), TimeUnit.NANOSECONDS) : deadline);
  }

  @Override
  public void start(Listener<A> listener, Metadata headers) {
    this.listener = listener;
    this.headers.merge(headers);
    this.headers.merge(envelope.headers());
    Traces.addTo(this.headers);
  }

  /** Does nothing: an answer has one message, which is asked for with each attempt. */
  @Override
  public void request(int count) {}

  @Override
  public void sendMessage(Q message) {
    request = message;
  }

  @Override
  public void halfClose() {
    if (!client.openCalls().begin(this)) {
      finish(
          CallboardException.of(
              Status.CANCELLED.withDescription("the client is closed; nothing was sent"),
              envelope.messageId()));
      return;
    }
    try {
      request = envelope.request().apply(request);
    } catch (CallboardException e) {
      finish(e.forMessage(envelope.messageId()));
      return;
    }
    nextAttempt();
  }

  @Override
  public void cancel(String message, Throwable cause) {
    String text = message == null ? "the caller gave up waiting" : message;
    end(Status.CANCELLED.withDescription(text).withCause(cause));
  }

  @Override
  public void clientClosed() {
    end(Status.CANCELLED.withDescription("the client was closed before the answer came"));
  }

  /** Ends the call, whether an attempt is under way or the next one is waited for. */
  private void end(Status status) {
    ClientCall<Q, A> underWay;
    synchronized (lock) {
      if (isDone || given != null) {
        return;
      }
      given = status;
      underWay = attempt;
      if (pause != null) {
        pause.cancel(false);
      }
    }
    if (underWay != null) {
      // Its end is that of the call.
      underWay.cancel(status.getDescription(), status.getCause());
    } else {
      finish(CallboardException.of(status, envelope.messageId()));
    }
  }

  private void nextAttempt() {
    try {
      startAttempt();
    } catch (RuntimeException e) {
      // It is of an interceptor of the channel's.
      finish(CallboardException.of(Status.fromThrowable(e), envelope.messageId()));
    }
  }

  private void startAttempt() {
    // A call must not be cancelled before it is started.
    synchronized (lock) {
      if (given != null) {
        return;
      }
      attempts++;
      pause = null;
      Metadata own = new Metadata();
      own.merge(headers);
      attempt = client.channel().newCall(method, options);
      attempt.start(new Attempt(), own);
      attempt.request(1);
      attempt.sendMessage(request);
      attempt.halfClose();
    }
  }

  private void attemptFailed(Status status, Metadata trailers, Optional<Receipt> receipt) {
    CallboardException failed;
    synchronized (lock) {
      attempt = null;
      if (given != null) {
        failed = CallboardException.of(given, envelope.messageId());
      } else {
        failed = CallboardException.of(status, trailers, envelope.messageId(), receipt);
        Optional<Duration> wait =
            client.retry().wait(attempts, failed, client.random()).filter(this::isInTime);
        if (wait.isPresent()) {
          // What is cancelled with the caller's context are all attempts.
          pause = client.later(wait.get(), context.wrap(this::nextAttempt));
          return;
        }
      }
    }
    finish(failed);
  }

  private static Deadline earlier(Deadline one, Deadline other) {
    return one == null || other != null && other.isBefore(one) ? other : one;
  }

  private boolean isInTime(Duration wait) {
    return options.getDeadline().timeRemaining(TimeUnit.NANOSECONDS) > wait.toNanos();
  }

  /** Ends the call with an error that did not come in an attempt, or with that of the last one. */
  private void finish(CallboardException failed) {
    Executor executor = options.getExecutor() == null ? Runnable::run : options.getExecutor();
    if (isFirstEnd()) {
      Status status = failed.status().withCause(failed);
      executor.execute(() -> listener.onClose(status, failed.trailers()));
    }
  }

  private void finish(Metadata headers, A answer, Metadata trailers) {
    if (!isFirstEnd()) {
      return;
    }
    Consumer<Receipt> onReceipt = options.getOption(CallOption.ON_RECEIPT);
    try {
      if (onReceipt != null) {
        Receipt.of(headers).ifPresent(onReceipt);
      }
    } catch (RuntimeException e) {
      // Otherwise nobody would end the call.
      Status status = Status.UNKNOWN.withDescription("ON_RECEIPT failed").withCause(e);
      CallboardException failed = CallboardException.of(status, envelope.messageId());
      listener.onClose(status.withCause(failed), trailers);
      return;
    }
    listener.onHeaders(headers);
    listener.onMessage(answer);
    listener.onClose(Status.OK, trailers);
  }

  private boolean isFirstEnd() {
    synchronized (lock) {
      boolean isFirst = !isDone;
      isDone = true;
      attempt = null;
      client.openCalls().end(this);
      return isFirst;
    }
  }

  /** What one attempt is answered with. */
  private final class Attempt extends Listener<A> {
    private Metadata headers = new Metadata();
    private A answer;

    @Override
    public void onHeaders(Metadata headers) {
      this.headers = headers;
    }

    @Override
    public void onMessage(A message) {
      answer = message;
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (status.isOk() && answer != null) {
        finish(headers, answer, trailers);
        return;
      }
      Status failed = status.isOk() ? Status.INTERNAL.withDescription("no response came") : status;
      attemptFailed(failed, trailers, Receipt.of(headers).or(() -> Receipt.of(trailers)));
    }
  }
}
