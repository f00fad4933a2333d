package dev.callboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import counter.v1.CounterGrpc;
import counter.v1.CounterOuterClass.AddRequest;
import counter.v1.CounterOuterClass.AddResponse;
import counter.v1.CounterOuterClass.GetRequest;
import counter.v1.CounterOuterClass.GetResponse;
import counter.v1.CounterOuterClass.NoteRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Against a real gateway. */
@Timeout(60)
final class GatewayTest {
  private static RealGateway gateway;
  private static CallboardClient client;

  private final String key = UUID.randomUUID().toString();

  @BeforeAll
  static void start() throws Exception {
    gateway = new RealGateway();
    client = CallboardClient.connect(gateway.url());
  }

  @AfterAll
  static void stop() throws Exception {
    if (client != null) {
      client.close();
    }
    if (gateway != null) {
      gateway.close();
    }
  }

  @Test
  void a_stub_calls_its_actor_and_learns_what_became_of_the_message() {
    AtomicReference<Receipt> receipt = new AtomicReference<>();
    var counter =
        client
            .actor(CounterGrpc::newBlockingStub, key)
            .withOption(CallOption.ON_RECEIPT, receipt::set);
    assertEquals(5, counter.add(AddRequest.newBuilder().setDelta(5).build()).getValue());
    assertEquals(OptionalLong.of(1), receipt.get().sequence());
    assertFalse(receipt.get().duplicate());
    receipt.set(null);
    assertEquals(5, counter.get(GetRequest.getDefaultInstance()).getValue());
    assertEquals(null, receipt.get());
  }

  @Test
  void a_message_that_is_asked_twice_is_handled_once() {
    Message<AddResponse> add = add(5);
    assertFalse(add.ask().receipt().orElseThrow().duplicate());
    Reply<AddResponse> again = add.ask();
    assertEquals(5, again.response().getValue());
    assertTrue(again.receipt().orElseThrow().duplicate());
    // Also by the stub, and by name.
    var counter = client.actor(CounterGrpc::newBlockingStub, key);
    AddRequest request = AddRequest.newBuilder().setDelta(5).build();
    assertEquals(5, counter.withOption(CallOption.MESSAGE_ID, add.id()).add(request).getValue());
    assertEquals(5, client.<AddResponse>askMany(List.of(add)).get(0).get().getValue());
    assertThrows(CallboardException.MessageIdReused.class, add(6).withId(add.id())::ask);
  }

  @Test
  void a_tell_is_delivered_later_or_cancelled() {
    Message<?> note =
        client
            .actor(key)
            .message(CounterGrpc.getNoteMethod(), NoteRequest.newBuilder().setDelta(1).build());
    Receipt receipt = note.after(Duration.ofHours(1)).tell();
    assertEquals(note.id(), receipt.messageId());
    assertEquals(OptionalLong.empty(), receipt.sequence());
    assertTrue(client.cancel(note.address(), note.id()));
    assertFalse(client.cancelAsync(note.address(), note.id()).join());
    PendingReply<?> past = add(2).at(Instant.EPOCH).start();
    assertEquals(AddResponse.newBuilder().setValue(2).build(), past.await());
  }

  @Test
  void an_ask_is_started_and_its_reply_picked_up_elsewhere() {
    PendingReply<AddResponse> started = add(3).start();
    assertEquals(3, started.await().getValue());
    assertEquals(3, started.awaitAsync().join().getValue());
    try (CallboardClient other = CallboardClient.connect(gateway.url())) {
      String id = started.messageId();
      Address address = started.address();
      assertEquals(3, other.actor(key).pickUp(CounterGrpc.getAddMethod(), id).await().getValue());
      assertEquals("{\"value\":\"3\"}", other.pickUpJson(address, "Add", id).await());
      ByteString encoded = other.pickUpEncoded(address, id).await();
      assertEquals(AddResponse.newBuilder().setValue(3).build().toByteString(), encoded);
    }
  }

  @Test
  void a_wait_that_is_too_short_says_so() {
    PendingReply<AddResponse> never =
        client.actor(key).pickUp(CounterGrpc.getAddMethod(), "never-sent");
    var late =
        assertThrows(
            CallboardException.DeadlineExceeded.class, () -> never.await(Duration.ofMillis(200)));
    assertEquals("never-sent", late.messageId().orElseThrow());
  }

  @Test
  void calls_by_name_need_no_generated_code() {
    Address address = new Address("counter.v1.Counter", key);
    Message<String> json = client.jsonMessage(address, "Add", "{\"delta\": 4}");
    assertEquals("{\"value\":\"4\"}", json.ask().response());
    ByteString request = AddRequest.newBuilder().setDelta(4).build().toByteString();
    assertEquals(
        AddResponse.newBuilder().setValue(8).build().toByteString(),
        client.encodedMessage(address, "Add", request).askAsync().join().response());
    Message<String> told = client.jsonMessage(address, "Add", "{\"delta\": 4}");
    assertEquals(OptionalLong.of(3), told.tell().sequence());
    assertThrows(
        CallboardException.UnknownMethod.class, client.jsonMessage(address, "Nope", "{}")::ask);
  }

  @Test
  void several_are_asked_at_once() {
    List<Message<AddResponse>> adds = new ArrayList<>();
    for (int i = 1; i <= 10; i++) {
      adds.add(
          client
              .actor(key + i)
              .message(CounterGrpc.getAddMethod(), AddRequest.newBuilder().setDelta(i).build()));
    }
    List<Result<AddResponse>> results = client.askMany(adds);
    for (int i = 1; i <= 10; i++) {
      assertEquals(i, results.get(i - 1).get().getValue());
      Optional<Receipt> receipt = results.get(i - 1).reply().orElseThrow().receipt();
      assertEquals(adds.get(i - 1).id(), receipt.orElseThrow().messageId());
    }
  }

  @Test
  void a_stream_of_tells_arrives_in_order() {
    List<CompletableFuture<Receipt>> receipts = new ArrayList<>();
    try (TellStream stream = client.tellStream()) {
      for (int i = 0; i < 500; i++) {
        receipts.add(stream.tell(add(1)));
      }
    }
    for (int i = 0; i < 500; i++) {
      assertEquals(OptionalLong.of(i + 1), receipts.get(i).join().sequence());
    }
    PendingReply<AddResponse> last =
        client.actor(key).pickUp(CounterGrpc.getAddMethod(), receipts.get(499).join().messageId());
    assertEquals(500, last.await().getValue());
  }

  @Test
  void a_key_that_no_header_can_hold_is_put_into_the_request() {
    String odd = " köln/" + key;
    Message<AddResponse> add =
        client
            .actor(odd)
            .message(CounterGrpc.getAddMethod(), AddRequest.newBuilder().setDelta(2).build());
    assertEquals(2, add.ask().response().getValue());
    assertEquals(2, client.<AddResponse>askMany(List.of(add)).get(0).get().getValue());
    GetResponse number =
        client.actor(CounterGrpc::newBlockingStub, odd).get(GetRequest.getDefaultInstance());
    assertEquals(2, number.getValue());
  }

  @Test
  void a_key_in_the_request_is_that_of_the_message() {
    AddRequest request = AddRequest.newBuilder().setCounter(key).setDelta(1).build();
    Message<AddResponse> add = client.actor().message(CounterGrpc.getAddMethod(), request);
    assertEquals(new Address("counter.v1.Counter", key), add.address());
    assertEquals(1, add.start().await().getValue());
    Message<AddResponse> none =
        client.actor().message(CounterGrpc.getAddMethod(), AddRequest.getDefaultInstance());
    var refused = assertThrows(CallboardException.InvalidRequest.class, none::ask);
    assertEquals("counter", refused.metadata().get("field"));
    assertNotEquals(Optional.empty(), refused.messageId());
  }

  private Message<AddResponse> add(long delta) {
    AddRequest request = AddRequest.newBuilder().setDelta(delta).build();
    return client.actor(key).message(CounterGrpc.getAddMethod(), request);
  }
}
