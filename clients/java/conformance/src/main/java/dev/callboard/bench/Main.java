package dev.callboard.bench;

import com.google.gson.Gson;
import counter.v1.CounterGrpc;
import counter.v1.CounterGrpc.CounterBlockingStub;
import counter.v1.CounterOuterClass.AddRequest;
import counter.v1.CounterOuterClass.NoteRequest;
import dev.callboard.Actor;
import dev.callboard.CallboardClient;
import dev.callboard.TellStream;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.net.URI;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.IntConsumer;

/**
 * The program of Java for the row {@code clients} of Callboard's bench; bench/README.md says what
 * it measures.
 */
public final class Main {
  /** Asks of one side, before those of the other. */
  private static final int BLOCK = 200;

  /** Messages of the stream for each that is told by itself. */
  private static final int STREAMED = 10;

  private static final Metadata.Key<String> MESSAGE_ID =
      Metadata.Key.of("callboard-message-id", Metadata.ASCII_STRING_MARSHALLER);

  private final CallboardClient client;
  private final CounterBlockingStub bare;
  private final CounterBlockingStub asks;
  private final CounterBlockingStub tells;
  private final Actor told;
  private int sent;

  private Main(ManagedChannel channel, CallboardClient client) {
    this.client = client;
    bare = CounterGrpc.newBlockingStub(channel);
    asks = client.actor(CounterGrpc::newBlockingStub, "asks");
    told = client.actor("tells");
    tells = CounterGrpc.newBlockingStub(told);
  }

  /**
   * Measures, and writes one line of JSON.
   *
   * @param args the gateway's URL, how many calls are timed in a repetition, and the repetitions
   */
  public static void main(String[] args) {
    URI url = URI.create(args[0]);
    // As the client connects.
    ManagedChannel channel =
        Grpc.newChannelBuilderForAddress(
                url.getHost(), url.getPort(), InsecureChannelCredentials.create())
            .keepAliveTime(30, TimeUnit.SECONDS)
            .disableRetry()
            .disableServiceConfigLookUp()
            .build();
    try (CallboardClient client = CallboardClient.connect(args[0])) {
      Map<String, List<Double>> measured =
          new Main(channel, client).measure(Integer.parseInt(args[1]), Integer.parseInt(args[2]));
      System.out.println(new Gson().toJson(measured));
    } finally {
      channel.shutdownNow();
    }
  }

  private Map<String, List<Double>> measure(int calls, int repetitions) {
    Map<String, List<Double>> measured = new LinkedHashMap<>();
    for (int repetition = 0; repetition <= repetitions; repetition++) {
      Map<String, Double> figures = new LinkedHashMap<>();
      ask(calls, figures);
      figures.put("tells", rate(this::tell, calls));
      figures.put("stream", rate(this::stream, calls * STREAMED));
      // The first one is to warm up.
      if (repetition > 0) {
        figures.forEach(
            (name, figure) -> measured.computeIfAbsent(name, n -> new ArrayList<>()).add(figure));
      }
    }
    return measured;
  }

  /** Asks by the bare stub and by the client in turn; the medians of both, in µs. */
  private void ask(int calls, Map<String, Double> figures) {
    List<Long> byStub = new ArrayList<>();
    List<Long> byClient = new ArrayList<>();
    for (int asked = 0; asked < calls; asked += BLOCK) {
      time(this::askBare, byStub);
      time(this::askByClient, byClient);
    }
    figures.put("bare", median(byStub));
    figures.put("client", median(byClient));
  }

  private static void time(Runnable ask, List<Long> times) {
    for (int i = 0; i < BLOCK; i++) {
      long before = System.nanoTime();
      ask.run();
      times.add(System.nanoTime() - before);
    }
  }

  private void askBare() {
    Metadata headers = new Metadata();
    // As long as those of the client.
    headers.put(MESSAGE_ID, String.format("%036d", sent++));
    bare.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers))
        .add(AddRequest.newBuilder().setCounter("asks").setDelta(1).build());
  }

  private void askByClient() {
    asks.add(AddRequest.newBuilder().setDelta(1).build());
  }

  private void tell(int messages) {
    for (int i = 0; i < messages; i++) {
      tells.note(NoteRequest.newBuilder().setDelta(1).build());
    }
  }

  private void stream(int messages) {
    try (TellStream stream = client.tellStream()) {
      for (int i = 0; i < messages; i++) {
        NoteRequest request = NoteRequest.newBuilder().setDelta(1).build();
        stream.tell(told.message(CounterGrpc.getNoteMethod(), request));
      }
    }
  }

  /** How many messages are sent in a second; then it waits until all of them are handled. */
  private double rate(IntConsumer send, int messages) {
    long before = System.nanoTime();
    send.accept(messages);
    long took = System.nanoTime() - before;
    tells.add(AddRequest.getDefaultInstance());
    return messages * 1e9 / took;
  }

  private static double median(List<Long> times) {
    return times.stream().sorted().skip(times.size() / 2).findFirst().orElseThrow() / 1e3;
  }
}
