package dev.callboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import counter.v1.CounterGrpc;
import counter.v1.CounterOuterClass.AddRequest;
import counter.v1.CounterOuterClass.AddResponse;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
final class CallTest {
  private static final AddRequest REQUEST = AddRequest.getDefaultInstance();

  private ScriptedGateway gateway;

  @BeforeEach
  void start() throws IOException {
    gateway = new ScriptedGateway();
  }

  @AfterEach
  void stop() {
    gateway.close();
  }

  @Test
  void a_message_keeps_its_id_over_retries() {
    gateway.adds.addAll(List.of(Status.UNAVAILABLE, Status.UNAVAILABLE));
    try (CallboardClient client = gateway.client().build()) {
      client.actor(CounterGrpc::newBlockingStub, "alice").add(REQUEST);
    }
    List<String> ids = gateway.headers("callboard-message-id");
    assertEquals(3, ids.size());
    assertEquals(1, Set.copyOf(ids).size());
    assertEquals(List.of("alice", "alice", "alice"), gateway.headers("callboard-key"));
  }

  @Test
  void each_call_of_a_stub_is_a_message_of_its_own() {
    try (CallboardClient client = gateway.client().build()) {
      var counter = client.actor(CounterGrpc::newBlockingStub, "alice");
      counter.add(REQUEST);
      counter.add(REQUEST);
    }
    List<String> ids = gateway.headers("callboard-message-id");
    assertNotEquals(ids.get(0), ids.get(1));
  }

  @Test
  void every_stub_of_grpc_works() throws Exception {
    gateway.adds.addAll(List.of(Status.UNAVAILABLE));
    try (CallboardClient client = gateway.client().build()) {
      client.actor(CounterGrpc::newBlockingV2Stub, "alice").add(REQUEST);
      client.actor(CounterGrpc::newFutureStub, "alice").add(REQUEST).get();
      CompletableFuture<AddResponse> answer = new CompletableFuture<>();
      client.actor(CounterGrpc::newStub, "alice").add(REQUEST, observerOf(answer));
      answer.get();
    }
    assertEquals(4, gateway.calls.size());
  }

  @Test
  void a_stub_throws_grpcs_exception_with_ours_as_its_cause() {
    gateway.adds.add(Status.FAILED_PRECONDITION.withDescription("closed"));
    try (CallboardClient client = gateway.client().build()) {
      var counter = client.actor(CounterGrpc::newBlockingStub, "alice");
      var thrown = assertThrows(StatusRuntimeException.class, () -> counter.add(REQUEST));
      CallboardException failed = assertInstanceOf(CallboardException.class, thrown.getCause());
      assertEquals(Status.Code.FAILED_PRECONDITION, thrown.getStatus().getCode());
      assertEquals("closed", thrown.getStatus().getDescription());
      assertEquals(
          gateway.headers("callboard-message-id").get(0), failed.messageId().orElseThrow());
    }
  }

  @Test
  void a_message_throws_ours() throws Exception {
    gateway.adds.addAll(List.of(Status.ABORTED, Status.ABORTED));
    try (CallboardClient client = gateway.client().build()) {
      Message<AddResponse> add = client.actor("alice").message(CounterGrpc.getAddMethod(), REQUEST);
      var thrown = assertThrows(CallboardException.class, add::ask);
      assertEquals(add.id(), thrown.messageId().orElseThrow());
      var later = assertThrows(ExecutionException.class, () -> add.askAsync().get());
      assertInstanceOf(CallboardException.Handler.class, later.getCause());
    }
  }

  @Test
  void the_deadline_of_the_callers_context_counts() {
    gateway.hangs = true;
    try (CallboardClient client = gateway.client().build();
        Context.CancellableContext context =
            Context.current()
                .withDeadlineAfter(200, TimeUnit.MILLISECONDS, CallboardClientTest.TIMER)) {
      Message<AddResponse> add = client.actor("alice").message(CounterGrpc.getAddMethod(), REQUEST);
      Exception failed = assertThrows(CallboardException.class, () -> context.call(add::ask));
      assertInstanceOf(CallboardException.DeadlineExceeded.class, failed);
    }
  }

  @Test
  void a_future_that_is_cancelled_ends_its_call() throws Exception {
    gateway.hangs = true;
    CallboardClient client = gateway.client().build();
    Message<AddResponse> add = client.actor("alice").message(CounterGrpc.getAddMethod(), REQUEST);
    CompletableFuture<Reply<AddResponse>> future = add.askAsync();
    gateway.awaitCalls(1);
    assertTrue(future.cancel(true));
    // Otherwise to close would take two seconds.
    long start = System.nanoTime();
    client.close();
    assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(1));
  }

  @Test
  void a_future_that_is_cancelled_between_attempts_is_not_sent_again() throws Exception {
    gateway.adds.add(Status.UNAVAILABLE);
    RetryPolicy slow = RetryPolicy.DEFAULT.withBackoff(Duration.ofHours(1), Duration.ofHours(1));
    try (CallboardClient client =
        gateway.client().retry(slow).askTimeout(Duration.ofHours(2)).build()) {
      Message<AddResponse> add = client.actor("alice").message(CounterGrpc.getAddMethod(), REQUEST);
      CompletableFuture<Reply<AddResponse>> future = add.askAsync();
      gateway.awaitCalls(1);
      future.cancel(true);
    }
    assertEquals(1, gateway.calls.size());
  }

  @Test
  void a_thread_that_is_interrupted_waits_no_longer() throws Exception {
    gateway.hangs = true;
    try (CallboardClient client = gateway.client().build()) {
      Message<AddResponse> add = client.actor("alice").message(CounterGrpc.getAddMethod(), REQUEST);
      CompletableFuture<Boolean> isInterrupted = new CompletableFuture<>();
      Thread caller =
          new Thread(
              () -> {
                assertThrows(CallboardException.Cancelled.class, add::ask);
                isInterrupted.complete(Thread.currentThread().isInterrupted());
              });
      caller.start();
      gateway.awaitCalls(1);
      caller.interrupt();
      assertTrue(isInterrupted.get());
    }
  }

  @Test
  void a_closed_client_ends_what_is_open_and_begins_nothing() throws Exception {
    gateway.hangs = true;
    CallboardClient client = gateway.client().build();
    Message<AddResponse> add = client.actor("alice").message(CounterGrpc.getAddMethod(), REQUEST);
    CompletableFuture<Reply<AddResponse>> open = add.askAsync();
    gateway.awaitCalls(1);
    client.close();
    client.close();
    var ended = assertThrows(ExecutionException.class, open::get);
    assertInstanceOf(CallboardException.Cancelled.class, ended.getCause());
    assertThrows(CallboardException.Cancelled.class, add::ask);
    assertInstanceOf(
        CallboardException.Cancelled.class,
        assertThrows(ExecutionException.class, () -> add.askAsync().get()).getCause());
    assertEquals(1, gateway.calls.size());
  }

  @Test
  void a_client_can_be_closed_while_a_call_waits_for_its_next_attempt() throws Exception {
    gateway.adds.add(Status.UNAVAILABLE);
    RetryPolicy slow = RetryPolicy.DEFAULT.withBackoff(Duration.ofHours(1), Duration.ofHours(1));
    CallboardClient client = gateway.client().retry(slow).askTimeout(Duration.ofHours(2)).build();
    CompletableFuture<Throwable> failed = new CompletableFuture<>();
    Thread caller =
        new Thread(
            () ->
                failed.complete(
                    assertThrows(
                        StatusRuntimeException.class,
                        () -> client.actor(CounterGrpc::newBlockingStub, "alice").add(REQUEST))));
    caller.start();
    gateway.awaitCalls(1);
    client.close();
    assertInstanceOf(CallboardException.Cancelled.class, CallboardException.from(failed.get()));
  }

  @Test
  void a_token_is_asked_for_before_each_attempt() {
    gateway.adds.add(Status.UNAVAILABLE);
    AtomicInteger count = new AtomicInteger();
    try (CallboardClient client =
        gateway.client().token(() -> "t" + count.incrementAndGet()).apiKey("cb_secret").build()) {
      client.actor(CounterGrpc::newBlockingStub, "alice").add(REQUEST);
    }
    assertEquals(List.of("Bearer t1", "Bearer t2"), gateway.headers("authorization"));
    assertEquals(List.of("cb_secret", "cb_secret"), gateway.headers("callboard-api-key"));
  }

  @Test
  void a_call_without_its_token_is_not_made() {
    try (CallboardClient client =
        gateway
            .client()
            .token(
                () -> {
                  throw new IllegalStateException("no luck");
                })
            .build()) {
      Message<AddResponse> add = client.actor("alice").message(CounterGrpc.getAddMethod(), REQUEST);
      var failed = assertThrows(CallboardException.Unauthenticated.class, add::ask);
      assertTrue(failed.getMessage().contains("no luck"));
    }
    assertEquals(List.of(), gateway.calls);
  }

  @Test
  void a_call_belongs_to_the_current_trace() {
    SpanContext span =
        SpanContext.create(
            "0af7651916cd43dd8448eb211c80319c",
            "b7ad6b7169203331",
            TraceFlags.getSampled(),
            TraceState.builder().put("vendor", "abc").build());
    io.opentelemetry.context.Context context =
        io.opentelemetry.context.Context.root()
            .with(Span.wrap(span))
            .with(Baggage.builder().put("tenant", "acme").build());
    try (CallboardClient client = gateway.client().build()) {
      var counter = client.actor(CounterGrpc::newBlockingStub, "alice");
      context.wrapSupplier(() -> counter.add(REQUEST)).get();
      counter.add(REQUEST);
    }
    assertEquals(
        List.of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        gateway.headers("traceparent"));
    assertEquals(List.of("vendor=abc"), gateway.headers("tracestate"));
    assertEquals(List.of("tenant=acme"), gateway.headers("baggage"));
  }

  @Test
  void who_fails_to_take_a_receipt_is_told() {
    IllegalStateException own = new IllegalStateException("own");
    try (CallboardClient client = gateway.client().build()) {
      var counter =
          client
              .actor(CounterGrpc::newBlockingStub, "alice")
              .withOption(
                  CallOption.ON_RECEIPT,
                  receipt -> {
                    throw own;
                  });
      var thrown = assertThrows(StatusRuntimeException.class, () -> counter.add(REQUEST));
      assertSame(own, CallboardException.from(thrown).status().getCause());
    }
  }

  @Test
  void a_message_that_comes_later_cannot_be_asked() {
    try (CallboardClient client = gateway.client().build()) {
      Message<AddResponse> add = client.actor("alice").message(CounterGrpc.getAddMethod(), REQUEST);
      Message<AddResponse> later = add.after(Duration.ofSeconds(1));
      assertThrows(IllegalStateException.class, later::ask);
      assertEquals(add.id(), later.id());
    }
  }

  @Test
  void an_interceptor_that_fails_ends_the_call() throws Exception {
    IllegalStateException own = new IllegalStateException("own");
    ClientInterceptor failing =
        new ClientInterceptor() {
          @Override
          public <Q, A> ClientCall<Q, A> interceptCall(
              MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
            throw own;
          }
        };
    try (CallboardClient client =
        gateway.client().configureChannel(channel -> channel.intercept(failing)).build()) {
      Message<AddResponse> add = client.actor("alice").message(CounterGrpc.getAddMethod(), REQUEST);
      var thrown = assertThrows(CallboardException.class, add::ask);
      assertSame(own, thrown.status().getCause());
      var later = assertThrows(ExecutionException.class, () -> add.askAsync().get());
      assertSame(own, CallboardException.from(later).status().getCause());
    }
  }

  @Test
  void an_id_that_no_header_can_hold_is_refused() {
    try (CallboardClient client = gateway.client().build()) {
      Message<AddResponse> add =
          client.actor("alice").message(CounterGrpc.getAddMethod(), REQUEST).withId("ä");
      assertThrows(IllegalArgumentException.class, () -> add.withId(""));
      var refused = assertThrows(CallboardException.InvalidRequest.class, add::ask);
      assertEquals("callboard-message-id", refused.metadata().get("field"));
    }
    assertEquals(List.of(), gateway.calls);
  }

  @Test
  void a_callers_own_metadata_goes_along() {
    Metadata own = new Metadata();
    own.put(Headers.key("x-own"), "1");
    try (CallboardClient client = gateway.client().build()) {
      client
          .actor(CounterGrpc::newBlockingStub, "alice")
          .withInterceptors(io.grpc.stub.MetadataUtils.newAttachHeadersInterceptor(own))
          .add(REQUEST);
    }
    assertEquals(List.of("1"), gateway.headers("x-own"));
  }

  private static <A> StreamObserver<A> observerOf(CompletableFuture<A> future) {
    return new StreamObserver<>() {
      @Override
      public void onNext(A answer) {
        future.complete(answer);
      }

      @Override
      public void onError(Throwable thrown) {
        future.completeExceptionally(thrown);
      }

      @Override
      public void onCompleted() {}
    };
  }
}
