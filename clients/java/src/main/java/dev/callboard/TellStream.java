package dev.callboard;

import dev.callboard.v1.GatewayGrpc;
import dev.callboard.v1.TellRequest;
import dev.callboard.v1.TellStreamRequest;
import dev.callboard.v1.TellStreamResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;

/**
 * Sends many messages in their order, without waiting for the receipt of each. Those to one actor
 * are handled in the order of the stream.
 *
 * <p>When the connection breaks, it connects again and sends what has no receipt, in order, with
 * the same ids: each message is handled once. It connects with its first message, and may be shared
 * by threads.
 *
 * <pre>{@code
 * try (TellStream stream = client.tellStream()) {
 *   for (Reading reading : readings) {
 *     stream.tell(sensor.message(SensorGrpc.getNoteMethod(), reading)).exceptionally(this::report);
 *   }
 * }
 * }</pre>
 */
public final class TellStream implements AutoCloseable {
  /** How many messages are without a receipt at most. */
  public static final int WINDOW = 64;

  private final CallboardClient client;

  /** For each message without a receipt one is taken. */
  private final Semaphore room = new Semaphore(WINDOW, true);

  /** Completed when there is nothing to do any more. */
  private final CompletableFuture<Void> done = new CompletableFuture<>();

  /** While there are messages without a receipt, the client waits for them. */
  private final OpenCalls.Open open = this::clientClosed;

  private final Object lock = new Object();

  /** What the present connection has taken, and then what it has not, in order. */
  private final Deque<Delivery> sent = new ArrayDeque<>();

  private final Deque<Delivery> unsent = new ArrayDeque<>();
  private Connection connection;
  private int attempt = 1;
  private Future<?> pause;
  private boolean isClosed;

  TellStream(CallboardClient client) {
    this.client = client;
  }

  /** A message on its way. */
  private record Delivery(String id, TellRequest request, CompletableFuture<Receipt> receipt) {}

  /**
   * Sends a message, after those that were told before. It blocks while {@link #WINDOW} messages
   * have no receipt, and not for the receipt of this one.
   *
   * @param message what to send; {@link Message#after} and {@link Message#at} have it delivered
   *     later
   * @return what became of it. It ends with a {@link CallboardException} when the gateway refuses
   *     the message, and the stream goes on; or when the stream is closed, the gateway cannot be
   *     reached in all attempts, or the thread is interrupted while it waits for room.
   */
  public CompletableFuture<Receipt> tell(Message<?> message) {
    Delivery delivery;
    try {
      TellRequest.Builder request = message.tellRequest().toBuilder();
      request.getMessageBuilder().putAllHeaders(Traces.ofMessage());
      delivery = new Delivery(message.id(), request.build(), new CompletableFuture<>());
      room.acquire();
    } catch (CallboardException e) {
      return CompletableFuture.failedFuture(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return CompletableFuture.failedFuture(
          cancelled("the thread was interrupted").forMessage(message.id()));
    }
    synchronized (lock) {
      if (!isClosed && client.openCalls().begin(open)) {
        unsent.add(delivery);
        send();
        return delivery.receipt();
      }
    }
    room.release();
    return CompletableFuture.failedFuture(
        cancelled("the stream is closed; the message was not sent").forMessage(message.id()));
  }

  /**
   * Waits until all messages have their receipts or have failed, and ends the stream. What became
   * of each, its future tells. When the thread is interrupted, what has no receipt fails.
   */
  @Override
  public void close() {
    synchronized (lock) {
      isClosed = true;
      send();
    }
    completeIfDone();
    try {
      done.get();
    } catch (InterruptedException e) {
      end(cancelled("the thread was interrupted before the receipt came"));
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new IllegalStateException("nothing completes it with an error", e);
    }
  }

  /** Ends the stream at once, because the client waits no longer. */
  private void clientClosed() {
    end(cancelled("the client was closed before the receipt came"));
  }

  /** Sends what can be sent now. The lock is held. */
  private void send() {
    if (connection == null) {
      if (unsent.isEmpty() || pause != null) {
        return;
      }
      connection = new Connection();
      connection.start();
    }
    while (!unsent.isEmpty() && connection.call.isReady()) {
      Delivery next = unsent.remove();
      sent.add(next);
      connection.call.sendMessage(TellStreamRequest.newBuilder().setTell(next.request()).build());
    }
    if (isClosed && unsent.isEmpty() && !connection.isHalfClosed) {
      connection.isHalfClosed = true;
      connection.call.halfClose();
    }
  }

  private void resume() {
    synchronized (lock) {
      pause = null;
      send();
    }
  }

  private void received(Connection from, Receipt receipt) {
    Delivery first;
    synchronized (lock) {
      if (from != connection || sent.isEmpty()) {
        return;
      }
      // The gateway is there: attempts are counted from here.
      attempt = 1;
      first = sent.remove();
      endIfIdle();
    }
    first.receipt().complete(receipt);
    room.release();
    completeIfDone();
  }

  private void ended(Connection from, Status status, Metadata trailers) {
    List<Delivery> refused;
    CallboardException failed = CallboardException.of(status, trailers, "", Optional.empty());
    synchronized (lock) {
      if (from != connection) {
        return;
      }
      connection = null;
      takeBack();
      if (unsent.isEmpty()) {
        return;
      }
      Optional<Duration> wait = client.retry().wait(attempt, failed, client.random());
      if (wait.isPresent()) {
        attempt++;
        pause = client.later(wait.get(), this::resume);
        return;
      }
      attempt = 1;
      // Otherwise it is the first one without a receipt that the gateway has refused.
      boolean isOfAll =
          failed.isRetryable() || failed instanceof CallboardException.Unauthenticated;
      refused = remove(isOfAll ? unsent.size() : 1);
      send();
    }
    fail(refused, failed);
  }

  /** Ends the stream at once. */
  private void end(CallboardException failed) {
    List<Delivery> rest;
    synchronized (lock) {
      isClosed = true;
      if (pause != null) {
        pause.cancel(false);
      }
      if (connection != null) {
        connection.call.cancel(failed.getMessage(), null);
        connection = null;
      }
      takeBack();
      rest = remove(unsent.size());
    }
    fail(rest, failed);
  }

  /** What the last connection has taken was not received, as far as is known. */
  private void takeBack() {
    while (!sent.isEmpty()) {
      unsent.addFirst(sent.removeLast());
    }
  }

  private List<Delivery> remove(int count) {
    List<Delivery> removed = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      removed.add(unsent.remove());
    }
    endIfIdle();
    return removed;
  }

  private void fail(List<Delivery> deliveries, CallboardException failed) {
    for (Delivery delivery : deliveries) {
      delivery.receipt().completeExceptionally(failed.forMessage(delivery.id()));
      room.release();
    }
    completeIfDone();
  }

  /** A client that closes waits only for streams that have messages. */
  private void endIfIdle() {
    if (sent.isEmpty() && unsent.isEmpty()) {
      client.openCalls().end(open);
    }
  }

  private void completeIfDone() {
    boolean isDone;
    synchronized (lock) {
      isDone = isClosed && sent.isEmpty() && unsent.isEmpty();
    }
    if (isDone) {
      done.complete(null);
    }
  }

  private static CallboardException cancelled(String why) {
    return CallboardException.of(Status.CANCELLED.withDescription(why), "");
  }

  /** One call of Gateway.TellStream. */
  private final class Connection extends ClientCall.Listener<TellStreamResponse> {
    private ClientCall<TellStreamRequest, TellStreamResponse> call;
    private boolean isHalfClosed;

    void start() {
      // The stream outlives what its first message was sent in.
      Context caller = Context.ROOT.attach();
      try {
        call = client.channel().newCall(GatewayGrpc.getTellStreamMethod(), CallOptions.DEFAULT);
        call.start(this, new Metadata());
      } finally {
        Context.ROOT.detach(caller);
      }
      call.request(WINDOW);
    }

    @Override
    public void onReady() {
      synchronized (lock) {
        if (this == connection) {
          send();
        }
      }
    }

    @Override
    public void onMessage(TellStreamResponse answer) {
      received(this, Receipt.of(answer.getReceipt()));
      call.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      Status early =
          Status.UNAVAILABLE.withDescription("the stream ended before all receipts came");
      ended(this, status.isOk() ? early : status, trailers);
    }
  }
}
