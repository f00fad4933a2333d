package dev.callboard.examples;

import counter.v1.CounterGrpc;
import counter.v1.CounterOuterClass.AddRequest;
import counter.v1.CounterOuterClass.AddResponse;
import dev.callboard.CallboardClient;
import dev.callboard.CallboardException;
import dev.callboard.Message;
import dev.callboard.Receipt;
import dev.callboard.Reply;
import java.time.Duration;

/**
 * Adds to a counter once, however often it is sent: {@code IdempotentRetry http://127.0.0.1:7070
 * alice order-7}.
 */
public final class IdempotentRetry {
  private IdempotentRetry() {}

  /**
   * Sends a message, and sends it again.
   *
   * @param args the gateway's URL, the counter's key, and the id of the message
   */
  public static void main(String[] args) {
    try (CallboardClient client = CallboardClient.connect(args[0])) {
      // The id is of what is done, and not of the attempt: the number of an order.
      Message<AddResponse> add =
          client
              .actor(args[1])
              .message(CounterGrpc.getAddMethod(), AddRequest.newBuilder().setDelta(1).build())
              .withId(args[2])
              .withTimeout(Duration.ofSeconds(5));
      for (int i = 0; i < 2; i++) {
        Reply<AddResponse> reply = ask(add);
        boolean isKnown = reply.receipt().map(Receipt::duplicate).orElse(false);
        String known = isKnown ? ", and it was known already" : "";
        System.out.println("the number is " + reply.response().getValue() + known);
      }
    }
  }

  private static Reply<AddResponse> ask(Message<AddResponse> add) {
    try {
      return add.ask();
    } catch (CallboardException.DeadlineExceeded e) {
      // It may be stored. With the same id it is handled once, so it is safe to ask again.
      return add.ask();
    }
  }
}
