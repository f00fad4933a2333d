package dev.callboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.callboard.v1.TellStreamRequest;
import dev.callboard.v1.TellStreamResponse;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class TellStreamTest {
  private final List<String> received = new CopyOnWriteArrayList<>();
  private ScriptedGateway gateway;
  private CallboardClient client;

  @BeforeEach
  void start() throws IOException {
    gateway = new ScriptedGateway();
    client = gateway.client().build();
  }

  @AfterEach
  void stop() {
    client.close();
    gateway.close();
  }

  @Test
  void what_has_no_receipt_is_sent_again_in_order() throws Exception {
    gateway.streams.add(receiptsUntil(3, Status.UNAVAILABLE));
    gateway.streams.add(receiptsUntil(1000, null));
    List<CompletableFuture<Receipt>> receipts = tell(10);
    for (int i = 0; i < 10; i++) {
      assertEquals("m-" + i, receipts.get(i).get().messageId());
    }
    List<String> once = new ArrayList<>(received);
    assertEquals(List.of("m-0", "m-1", "m-2"), once.subList(0, 3));
    assertEquals(
        List.of("m-3", "m-4", "m-5", "m-6", "m-7", "m-8", "m-9"),
        once.subList(once.size() - 7, once.size()));
  }

  @Test
  void a_refused_message_fails_alone() throws Exception {
    gateway.streams.add(receiptsUntil(2, Status.INVALID_ARGUMENT));
    gateway.streams.add(receiptsUntil(1000, null));
    List<CompletableFuture<Receipt>> receipts = tell(5);
    var refused = assertThrows(ExecutionException.class, () -> receipts.get(2).get());
    CallboardException failed = CallboardException.from(refused);
    assertEquals(Status.Code.INVALID_ARGUMENT, failed.code());
    assertEquals("m-2", failed.messageId().orElseThrow());
    for (int i : List.of(0, 1, 3, 4)) {
      assertEquals("m-" + i, receipts.get(i).get().messageId());
    }
  }

  @Test
  void who_is_not_known_is_told_at_once_for_all() {
    // Refused when the last one was told: a message told later would be a call of its own.
    AtomicInteger seen = new AtomicInteger();
    gateway.streams.add(
        () ->
            (message, receipts) -> {
              if (seen.incrementAndGet() == 3) {
                receipts.onError(Status.UNAUTHENTICATED.asException());
              }
            });
    for (CompletableFuture<Receipt> receipt : tell(3)) {
      assertInstanceOf(
          CallboardException.Unauthenticated.class,
          assertThrows(ExecutionException.class, receipt::get).getCause());
    }
    assertEquals(1, gateway.calls.size());
  }

  @Test
  void a_tell_waits_while_there_is_no_room() throws Exception {
    CompletableFuture<StreamObserver<TellStreamResponse>> held = new CompletableFuture<>();
    gateway.streams.add(
        () ->
            (message, receipts) -> {
              received.add(message.getTell().getMessage().getMessageId());
              held.complete(receipts);
            });
    TellStream stream = client.tellStream();
    for (int i = 0; i < TellStream.WINDOW; i++) {
      stream.tell(message(i));
    }
    CompletableFuture<Receipt> next =
        CompletableFuture.supplyAsync(() -> stream.tell(message(64)))
            .thenCompose(receipt -> receipt);
    while (received.size() < TellStream.WINDOW) {
      TimeUnit.MILLISECONDS.sleep(1);
    }
    TimeUnit.MILLISECONDS.sleep(50);
    assertEquals(TellStream.WINDOW, received.size());
    held.get().onNext(receipt("m-0"));
    while (received.size() < TellStream.WINDOW + 1) {
      TimeUnit.MILLISECONDS.sleep(1);
    }
    assertFalse(next.isDone());
    client.close();
    assertInstanceOf(
        CallboardException.Cancelled.class,
        assertThrows(ExecutionException.class, next::get).getCause());
    stream.close();
  }

  @Test
  void a_thread_that_is_interrupted_does_not_wait_for_room() {
    gateway.streams.add(() -> (message, receipts) -> {});
    TellStream stream = client.tellStream();
    Thread.currentThread().interrupt();
    CompletableFuture<Receipt> told = stream.tell(message(0));
    assertTrue(Thread.interrupted());
    assertInstanceOf(
        CallboardException.Cancelled.class,
        assertThrows(ExecutionException.class, told::get).getCause());
    CompletableFuture<Receipt> open = stream.tell(message(1));
    Thread.currentThread().interrupt();
    stream.close();
    assertTrue(Thread.interrupted());
    assertInstanceOf(
        CallboardException.Cancelled.class,
        assertThrows(ExecutionException.class, open::get).getCause());
  }

  @Test
  void nothing_is_told_to_a_stream_that_is_closed() {
    TellStream stream = client.tellStream();
    stream.close();
    stream.close();
    assertInstanceOf(
        CallboardException.Cancelled.class,
        assertThrows(ExecutionException.class, () -> stream.tell(message(0)).get()).getCause());
    assertEquals(List.of(), gateway.calls);
  }

  @Test
  void a_stream_that_was_idle_when_its_connection_ended_goes_on() throws Exception {
    gateway.streams.add(
        () ->
            (message, receipts) -> {
              receipts.onNext(receipt(message));
              receipts.onError(Status.UNAVAILABLE.asException());
            });
    gateway.streams.add(receiptsUntil(1000, null));
    try (TellStream stream = client.tellStream()) {
      stream.tell(message(0)).get();
      TimeUnit.MILLISECONDS.sleep(50);
      stream.tell(message(1)).get();
    }
    assertEquals(2, gateway.calls.size());
  }

  @Test
  void several_threads_keep_their_orders_whatever_breaks() throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 2000; i++) {
      gateway.streams.add(receiptsUntil(1 + random.nextInt(40), Status.UNAVAILABLE));
    }
    List<CompletableFuture<List<CompletableFuture<Receipt>>>> threads = new ArrayList<>();
    try (TellStream stream = client.tellStream()) {
      for (int thread = 0; thread < 4; thread++) {
        int first = thread * 1000;
        threads.add(
            CompletableFuture.supplyAsync(
                () ->
                    IntStream.range(first, first + 250)
                        .mapToObj(number -> stream.tell(message(number)))
                        .toList()));
      }
      for (CompletableFuture<List<CompletableFuture<Receipt>>> told : threads) {
        told.get();
      }
    }
    for (int thread = 0; thread < 4; thread++) {
      List<String> ids = new ArrayList<>();
      for (CompletableFuture<Receipt> receipt : threads.get(thread).get()) {
        ids.add(receipt.get().messageId());
      }
      int first = thread * 1000;
      List<String> seen =
          received.stream()
              .distinct()
              .filter(id -> Integer.parseInt(id.substring(2)) / 1000 * 1000 == first)
              .toList();
      assertEquals(ids, seen, "seed " + seed);
    }
  }

  @Test
  void the_next_message_may_be_told_when_a_receipt_comes() throws Exception {
    gateway.streams.add(receiptsUntil(1000, null));
    try (TellStream stream = client.tellStream()) {
      CompletableFuture<Receipt> both =
          stream.tell(message(0)).thenCompose(receipt -> stream.tell(message(1)));
      assertEquals("m-1", both.get().messageId());
    }
  }

  private List<CompletableFuture<Receipt>> tell(int count) {
    List<CompletableFuture<Receipt>> receipts = new ArrayList<>();
    try (TellStream stream = client.tellStream()) {
      for (int i = 0; i < count; i++) {
        receipts.add(stream.tell(message(i)));
      }
    }
    return receipts;
  }

  private Message<String> message(int number) {
    return client.jsonMessage(new Address("a.B", "c"), "Note", "{}").withId("m-" + number);
  }

  /** Gives receipts for so many messages; the next one ends the stream with a status. */
  private Supplier<ScriptedGateway.Tells> receiptsUntil(int count, Status end) {
    return () ->
        new ScriptedGateway.Tells() {
          private int seen;

          @Override
          public void received(
              TellStreamRequest message, StreamObserver<TellStreamResponse> receipts) {
            received.add(message.getTell().getMessage().getMessageId());
            seen++;
            if (seen <= count) {
              receipts.onNext(receipt(message));
            } else if (seen == count + 1) {
              receipts.onError(end.asException());
            }
          }
        };
  }

  private static TellStreamResponse receipt(TellStreamRequest message) {
    return receipt(message.getTell().getMessage().getMessageId());
  }

  private static TellStreamResponse receipt(String id) {
    return TellStreamResponse.newBuilder()
        .setReceipt(dev.callboard.v1.Receipt.newBuilder().setMessageId(id))
        .build();
  }
}
