package dev.callboard.examples;

import counter.v1.CounterGrpc;
import counter.v1.CounterOuterClass.AddRequest;
import counter.v1.CounterOuterClass.AddResponse;
import dev.callboard.CallboardClient;

/** Adds to a counter: {@code FirstCall http://127.0.0.1:7070 alice 5}. */
public final class FirstCall {
  private FirstCall() {}

  /**
   * Makes the call.
   *
   * @param args the gateway's URL, the counter's key, and what to add
   */
  public static void main(String[] args) {
    try (CallboardClient client = CallboardClient.connect(args[0])) {
      var counter = client.actor(CounterGrpc::newBlockingStub, args[1]);
      AddRequest request = AddRequest.newBuilder().setDelta(Long.parseLong(args[2])).build();
      AddResponse response = counter.add(request);
      System.out.println("the number is " + response.getValue());
    }
  }
}
