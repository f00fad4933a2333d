package dev.callboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import counter.v1.CounterGrpc;
import counter.v1.CounterOuterClass.AddRequest;
import counter.v1.CounterOuterClass.AddResponse;
import dev.callboard.v1.AskManyResponse;
import dev.callboard.v1.AskResponse;
import io.grpc.Status;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class AskManyTest {
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
  void what_has_no_result_is_asked_again() {
    List<List<String>> asked = new ArrayList<>();
    gateway.askManies.add(
        (request, answers) -> {
          asked.add(ids(request.getMessagesList()));
          answers.onNext(answer(1, 22));
          answers.onNext(refused(2, Status.Code.NOT_FOUND));
          answers.onError(Status.UNAVAILABLE.asException());
        });
    gateway.askManies.add(
        (request, answers) -> {
          asked.add(ids(request.getMessagesList()));
          answers.onNext(answer(1, 33));
          answers.onNext(answer(0, 11));
          answers.onCompleted();
        });
    List<Result<AddResponse>> results =
        client.askMany(List.of(add("a"), add("b"), add("c"), add("d")));
    assertEquals(List.of(List.of("a", "b", "c", "d"), List.of("a", "d")), asked);
    assertEquals(11, results.get(0).get().getValue());
    assertEquals(22, results.get(1).get().getValue());
    assertEquals(33, results.get(3).get().getValue());
    var failed = assertThrows(CallboardException.Handler.class, results.get(2)::get);
    assertEquals("c", failed.messageId().orElseThrow());
  }

  @Test
  void at_the_deadline_what_has_come_has_come() {
    gateway.askManies.add((request, answers) -> answers.onNext(answer(0, 11)));
    List<Result<AddResponse>> results =
        client.askMany(List.of(add("a"), add("b")), Duration.ofMillis(300));
    assertEquals(11, results.get(0).get().getValue());
    var failed = assertThrows(CallboardException.DeadlineExceeded.class, results.get(1)::get);
    assertEquals("b", failed.messageId().orElseThrow());
  }

  @Test
  void an_answer_that_ends_early_is_one_of_nobody() {
    for (int i = 0; i < 5; i++) {
      gateway.askManies.add((request, answers) -> answers.onCompleted());
    }
    List<Result<AddResponse>> results = client.askMany(List.of(add("a")));
    assertInstanceOf(CallboardException.Unavailable.class, results.get(0).error().orElseThrow());
    assertEquals(5, gateway.calls.size());
  }

  @Test
  void methods_of_several_kinds_are_asked_together() {
    gateway.askManies.add(
        (request, answers) -> {
          answers.onNext(answer(0, 11));
          answers.onNext(
              AskManyResponse.newBuilder()
                  .setIndex(1)
                  .setResponse(AskResponse.newBuilder().setJson("{}"))
                  .build());
          answers.onCompleted();
        });
    Message<String> named = client.jsonMessage(new Address("a.B", "c"), "Get", "{}");
    List<Message<?>> messages = List.of(add("a"), named);
    List<Result<Object>> results = client.askMany(messages);
    assertInstanceOf(AddResponse.class, results.get(0).get());
    assertEquals("{}", results.get(1).get());
  }

  @Test
  void nothing_is_asked_of_nobody() {
    assertEquals(List.of(), client.askMany(List.<Message<String>>of()));
    assertEquals(List.of(), gateway.calls);
  }

  @Test
  void one_that_cannot_be_sent_fails_alone() {
    gateway.askManies.add(
        (request, answers) -> {
          answers.onNext(answer(0, 11));
          answers.onCompleted();
        });
    AddRequest other = AddRequest.newBuilder().setCounter("other").build();
    Message<AddResponse> bad = client.actor("ä").message(CounterGrpc.getAddMethod(), other);
    List<Result<AddResponse>> results = client.askMany(List.of(bad, add("b")));
    var refused = assertThrows(CallboardException.InvalidRequest.class, results.get(0)::get);
    assertEquals(bad.id(), refused.messageId().orElseThrow());
    assertEquals(11, results.get(1).get().getValue());
  }

  @Test
  void it_can_be_given_up_and_ends_with_its_client() throws Exception {
    gateway.askManies.add((request, answers) -> {});
    gateway.askManies.add((request, answers) -> {});
    CompletableFuture<List<Result<AddResponse>>> one = client.askManyAsync(List.of(add("a")));
    CompletableFuture<List<Result<AddResponse>>> two = client.askManyAsync(List.of(add("b")));
    gateway.awaitCalls(2);
    assertTrue(one.cancel(true));
    assertThrows(CancellationException.class, one::join);
    client.close();
    assertInstanceOf(CallboardException.Cancelled.class, two.get().get(0).error().orElseThrow());
    assertInstanceOf(
        CallboardException.Cancelled.class,
        client.askMany(List.of(add("c"))).get(0).error().orElseThrow());
  }

  private Message<AddResponse> add(String id) {
    return client
        .actor("alice")
        .message(CounterGrpc.getAddMethod(), AddRequest.getDefaultInstance())
        .withId(id);
  }

  private static List<String> ids(List<dev.callboard.v1.Message> messages) {
    return messages.stream().map(dev.callboard.v1.Message::getMessageId).toList();
  }

  private static AskManyResponse answer(int index, long value) {
    AddResponse response = AddResponse.newBuilder().setValue(value).build();
    return AskManyResponse.newBuilder()
        .setIndex(index)
        .setResponse(AskResponse.newBuilder().setEncoded(response.toByteString()))
        .build();
  }

  private static AskManyResponse refused(int index, Status.Code code) {
    return AskManyResponse.newBuilder()
        .setIndex(index)
        .setError(dev.callboard.v1.Status.newBuilder().setCode(code.value()))
        .build();
  }
}
