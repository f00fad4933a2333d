package dev.callboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import counter.v1.CounterGrpc;
import dev.callboard.test.v1.RenamedGrpc;
import dev.callboard.v1.GatewayGrpc;
import io.grpc.CallOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class CallboardClientTest {
  static final ScheduledExecutorService TIMER =
      Executors.newSingleThreadScheduledExecutor(
          work -> {
            Thread thread = new Thread(work);
            thread.setDaemon(true);
            return thread;
          });

  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost:7070",
        "ftp://localhost",
        "http://",
        "http://localhost/path",
        "http://localhost?x=1",
        "http://me@localhost",
        "http://local host"
      })
  void what_is_no_url_of_a_gateway_is_refused(String url) {
    var refused = assertThrows(IllegalArgumentException.class, () -> CallboardClient.connect(url));
    assertTrue(refused.getMessage().contains(url), refused.getMessage());
  }

  @ParameterizedTest
  @ValueSource(strings = {"http://localhost", "http://[::1]:7070/", "https://gateway.example"})
  void nothing_is_needed_to_make_a_client(String url) {
    CallboardClient.connect(url).close();
  }

  @Test
  void settings_that_make_no_sense_are_refused() {
    CallboardClient.Builder builder = CallboardClient.builder("http://localhost");
    assertThrows(IllegalArgumentException.class, () -> builder.askTimeout(Duration.ZERO));
    assertThrows(IllegalArgumentException.class, () -> builder.tellTimeout(Duration.ofMillis(-1)));
    assertThrows(IllegalArgumentException.class, () -> builder.keepAlive(Duration.ZERO));
    builder.trustCertificates(Path.of("nowhere.pem"));
    assertThrows(IllegalArgumentException.class, builder::build);
    assertThrows(
        IllegalArgumentException.class,
        CallboardClient.builder("https://localhost").trustCertificates(Path.of("nowhere.pem"))
            ::build);
  }

  @Test
  void a_client_that_is_closed_leaves_no_thread_of_its_own() throws IOException {
    try (ScriptedGateway gateway = new ScriptedGateway()) {
      gateway.adds.add(io.grpc.Status.UNAVAILABLE);
      try (CallboardClient client = gateway.client().build()) {
        client
            .actor(CounterGrpc::newBlockingStub, "alice")
            .add(counter.v1.CounterOuterClass.AddRequest.getDefaultInstance());
        assertTrue(hasTimer());
      }
      while (hasTimer()) {
        Thread.onSpinWait();
      }
      assertFalse(hasTimer());
    }
  }

  @Test
  void actors_have_no_methods_that_stream() {
    try (CallboardClient client = CallboardClient.connect("http://localhost")) {
      Actor actor = client.actor("alice");
      assertThrows(
          IllegalArgumentException.class,
          () -> actor.newCall(GatewayGrpc.getTellStreamMethod(), CallOptions.DEFAULT));
    }
  }

  @Test
  void the_proto_file_says_what_a_method_is() {
    assertEquals(new Schema("counter.v1.Counter", false), Schema.of(CounterGrpc.getAddMethod()));
    assertEquals(new Schema("counter.v1.Counter", true), Schema.of(CounterGrpc.getNoteMethod()));
    assertEquals(new Schema("renamed", true), Schema.of(RenamedGrpc.getNoteMethod()));
  }

  private static boolean hasTimer() {
    return Thread.getAllStackTraces().keySet().stream()
        .anyMatch(thread -> thread.getName().equals("callboard-timer"));
  }
}
