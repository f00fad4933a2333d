package dev.callboard;

import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** A future that ends what it is the result of when it is cancelled. */
final class CallFuture<T> extends CompletableFuture<T> {
  private final Runnable onCancel;

  CallFuture(Runnable onCancel) {
    this.onCancel = onCancel;
  }

  @Override
  public boolean cancel(boolean mayInterruptIfRunning) {
    boolean isCancelled = super.cancel(mayInterruptIfRunning);
    onCancel.run();
    return isCancelled;
  }

  /** Waits for the result, or throws a CallboardException; cancels it when it is interrupted. */
  T block() {
    try {
      return get();
    } catch (ExecutionException e) {
      throw CallboardException.from(e);
    } catch (InterruptedException e) {
      cancel(true);
      Thread.currentThread().interrupt();
      throw CallboardException.of(
          Status.CANCELLED.withDescription("the thread was interrupted").withCause(e), "");
    }
  }
}
