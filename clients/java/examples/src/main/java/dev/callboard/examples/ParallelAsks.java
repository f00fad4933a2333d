package dev.callboard.examples;

import counter.v1.CounterGrpc;
import counter.v1.CounterOuterClass.GetRequest;
import counter.v1.CounterOuterClass.GetResponse;
import dev.callboard.CallboardClient;
import dev.callboard.Message;
import dev.callboard.Result;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;

/**
 * Asks several counters at once, with one deadline: {@code ParallelAsks http://127.0.0.1:7070 alice
 * bob carol}.
 */
public final class ParallelAsks {
  private ParallelAsks() {}

  /**
   * Asks the counters.
   *
   * @param args the gateway's URL, and the counters' keys
   */
  public static void main(String[] args) {
    List<String> keys = Arrays.asList(args).subList(1, args.length);
    try (CallboardClient client = CallboardClient.connect(args[0])) {
      List<Message<GetResponse>> asks =
          keys.stream()
              .map(client::actor)
              .map(c -> c.message(CounterGrpc.getGetMethod(), GetRequest.getDefaultInstance()))
              .toList();
      List<Result<GetResponse>> results = client.askMany(asks, Duration.ofSeconds(2));
      for (int i = 0; i < keys.size(); i++) {
        Result<GetResponse> result = results.get(i);
        String told =
            result
                .error()
                .map(Throwable::getMessage)
                .orElseGet(() -> "the number is " + result.get().getValue());
        System.out.println(keys.get(i) + ": " + told);
      }
    }
  }
}
