package dev.callboard.examples;

import counter.v1.CounterGrpc;
import counter.v1.CounterOuterClass.NoteRequest;
import counter.v1.CounterOuterClass.NoteResponse;
import dev.callboard.CallboardClient;
import dev.callboard.Message;
import dev.callboard.Receipt;
import java.time.Duration;

/** Adds to a counter later, or not at all: {@code TellWithDelay http://127.0.0.1:7070 alice}. */
public final class TellWithDelay {
  private TellWithDelay() {}

  /**
   * Sends the message, and cancels it.
   *
   * @param args the gateway's URL, and the counter's key
   */
  public static void main(String[] args) {
    try (CallboardClient client = CallboardClient.connect(args[0])) {
      NoteRequest request = NoteRequest.newBuilder().setDelta(1).build();
      Message<NoteResponse> note =
          client.actor(args[1]).message(CounterGrpc.getNoteMethod(), request);

      Receipt receipt = note.after(Duration.ofSeconds(90)).tell();
      System.out.println("message " + receipt.messageId() + " comes in 90 s");

      // Until then it can be cancelled, also by another program.
      boolean isCancelled = client.cancel(note.address(), note.id());
      System.out.println(isCancelled ? "or rather not" : "too late");
    }
  }
}
