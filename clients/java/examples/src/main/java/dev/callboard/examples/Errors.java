package dev.callboard.examples;

import counter.v1.CounterGrpc;
import counter.v1.CounterOuterClass.AddRequest;
import counter.v1.CounterOuterClass.AddResponse;
import dev.callboard.CallOption;
import dev.callboard.CallboardClient;
import dev.callboard.CallboardException;
import io.grpc.StatusRuntimeException;

/** What a program does about errors: {@code Errors http://127.0.0.1:7070 alice}. */
public final class Errors {
  private Errors() {}

  /**
   * Makes calls that fail.
   *
   * @param args the gateway's URL, and the counter's key
   */
  public static void main(String[] args) {
    try (CallboardClient client = CallboardClient.connect(args[0])) {
      var counter = client.actor(CounterGrpc::newBlockingStub, args[1]);
      AddRequest another = AddRequest.newBuilder().setCounter("not " + args[1]).build();
      System.out.println(add(counter, another));
      AddRequest one = AddRequest.newBuilder().setDelta(1).build();
      AddRequest two = AddRequest.newBuilder().setDelta(2).build();
      var once = counter.withOption(CallOption.MESSAGE_ID, "errors-" + args[1]);
      System.out.println(add(once, one));
      System.out.println(add(once, two));
    }
  }

  private static String add(CounterGrpc.CounterBlockingStub counter, AddRequest request) {
    try {
      AddResponse response = counter.add(request);
      return "the number is " + response.getValue();
    } catch (StatusRuntimeException e) {
      // A stub throws gRPC's exception; this is what it means.
      return explain(CallboardException.from(e));
    }
  }

  private static String explain(CallboardException failed) {
    if (failed instanceof CallboardException.InvalidRequest) {
      return "mend the request: " + failed.metadata().get("detail");
    }
    if (failed instanceof CallboardException.MessageIdReused) {
      return "another message has this id: " + failed.messageId().orElseThrow();
    }
    if (failed instanceof CallboardException.Handler) {
      return "the actor says no: " + failed.reason();
    }
    if (failed instanceof CallboardException.Unavailable
        || failed instanceof CallboardException.DeadlineExceeded) {
      return "send it again with its id: " + failed.messageId().orElseThrow();
    }
    throw failed;
  }
}
