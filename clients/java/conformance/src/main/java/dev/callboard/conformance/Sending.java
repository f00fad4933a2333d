package dev.callboard.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import dev.callboard.Address;
import dev.callboard.CallOption;
import dev.callboard.CallboardClient;
import dev.callboard.Key;
import dev.callboard.Message;
import dev.callboard.PendingReply;
import dev.callboard.Receipt;
import dev.callboard.Reply;
import dev.callboard.conformance.v1.InterpreterGrpc;
import dev.callboard.conformance.v1.LookRequest;
import dev.callboard.conformance.v1.MakeRequest;
import dev.callboard.conformance.v1.NoteRequest;
import dev.callboard.conformance.v1.RunRequest;
import io.grpc.MethodDescriptor;
import io.opentelemetry.api.baggage.propagation.W3CBaggagePropagator;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** What is said of a message, and the message that it describes. */
final class Sending {
  private static final String TYPE = "callboard.conformance.v1.Interpreter";

  private final CallboardClient client;
  private final JsonObject args;

  Sending(CallboardClient client, JsonObject args) {
    this.client = client;
    this.args = args;
  }

  static Address address(JsonObject args) {
    return new Address(TYPE, key(args));
  }

  static Optional<Duration> timeout(JsonObject args) {
    return millis(args, "timeout_ms");
  }

  static Optional<Duration> millis(JsonObject args, String name) {
    return Optional.ofNullable(args.get(name))
        .filter(value -> !value.isJsonNull())
        .map(JsonElement::getAsLong)
        .map(Duration::ofMillis);
  }

  static Optional<String> text(JsonObject args, String name) {
    return Optional.ofNullable(args.get(name))
        .filter(value -> !value.isJsonNull())
        .map(JsonElement::getAsString);
  }

  /** The trace context in which the operation is made. */
  Context trace() {
    Context context = Context.root();
    if (!args.has("trace")) {
      return context;
    }
    JsonObject trace = args.getAsJsonObject("trace");
    context = W3CTraceContextPropagator.getInstance().extract(context, trace, new Getter());
    return W3CBaggagePropagator.getInstance().extract(context, trace, new Getter());
  }

  /** Asks with the stub, or by name. */
  Reply<JsonElement> ask() {
    if (!isTyped()) {
      Reply<?> reply = message().ask();
      return new Reply<>(json(reply.response()), reply.receipt());
    }
    AtomicReference<Receipt> receipt = new AtomicReference<>();
    var stub =
        client
            .actor(InterpreterGrpc::newBlockingStub, key(args))
            .withOption(CallOption.ON_RECEIPT, receipt::set);
    Optional<String> id = text(args, "message_id");
    if (id.isPresent()) {
      stub = stub.withOption(CallOption.MESSAGE_ID, id.get());
    }
    if (timeout(args).isPresent()) {
      stub = stub.withDeadlineAfter(timeout(args).get());
    }
    MessageOrBuilder response =
        switch (method()) {
          case "Run" -> stub.run(read(RunRequest.newBuilder()).build());
          case "Look" -> stub.look(read(LookRequest.newBuilder()).build());
          case "Note" -> stub.note(read(NoteRequest.newBuilder()).build());
          default -> stub.make(read(MakeRequest.newBuilder()).build());
        };
    return new Reply<>(json(response), Optional.ofNullable(receipt.get()));
  }

  Message<?> message() {
    Message<?> message = bare();
    Optional<String> id = text(args, "message_id");
    Optional<Duration> delay = millis(args, "delay_ms");
    Optional<Instant> time = text(args, "deliver_at").map(Instant::parse);
    message = id.isPresent() ? message.withId(id.get()) : message;
    message = timeout(args).isPresent() ? message.withTimeout(timeout(args).get()) : message;
    message = delay.isPresent() ? message.after(delay.get()) : message;
    return time.isPresent() ? message.at(time.get()) : message;
  }

  PendingReply<?> pickUp() {
    String id = text(args, "message_id").orElseThrow();
    MethodDescriptor<?, ?> method =
        switch (method()) {
          case "Run" -> InterpreterGrpc.getRunMethod();
          case "Make" -> InterpreterGrpc.getMakeMethod();
          default -> null;
        };
    return method == null
        ? client.pickUpJson(address(args), method(), id)
        : client.actor(key(args)).pickUp(method, id);
  }

  /** A response of the stub, or one by name. */
  static JsonElement json(Object response) {
    try {
      return JsonParser.parseString(
          response instanceof MessageOrBuilder message
              ? JsonFormat.printer().alwaysPrintFieldsWithNoPresence().print(message)
              : (String) response);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("a response has no Any that is not known", e);
    }
  }

  private Message<?> bare() {
    if (!isTyped()) {
      return client.jsonMessage(address(args), method(), request());
    }
    return switch (method()) {
      case "Run" -> typed(InterpreterGrpc.getRunMethod(), read(RunRequest.newBuilder()).build());
      case "Look" -> typed(InterpreterGrpc.getLookMethod(), read(LookRequest.newBuilder()).build());
      case "Note" -> typed(InterpreterGrpc.getNoteMethod(), read(NoteRequest.newBuilder()).build());
      default -> typed(InterpreterGrpc.getMakeMethod(), read(MakeRequest.newBuilder()).build());
    };
  }

  private <Q, R> Message<R> typed(MethodDescriptor<Q, R> method, Q request) {
    return client.actor(key(args)).message(method, request);
  }

  /** The stub has not all methods that the cases call. */
  private boolean isTyped() {
    return "typed".equals(text(args, "via").orElse("typed"))
        && InterpreterGrpc.getServiceDescriptor().getMethods().stream()
            .anyMatch(known -> method().equals(known.getBareMethodName()));
  }

  private String method() {
    return text(args, "method").orElseThrow();
  }

  private String request() {
    return args.has("request") ? args.get("request").toString() : "{}";
  }

  private <B extends com.google.protobuf.Message.Builder> B read(B builder) {
    try {
      JsonFormat.parser().merge(request(), builder);
      return builder;
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static String key(JsonObject args) {
    JsonElement key = args.get("key");
    if (key == null) {
      return "";
    }
    if (!key.isJsonArray()) {
      return key.getAsString();
    }
    JsonArray parts = key.getAsJsonArray();
    return Key.of(parts.asList().stream().map(JsonElement::getAsString).toArray(String[]::new));
  }

  private static final class Getter implements TextMapGetter<JsonObject> {
    @Override
    public String get(JsonObject carrier, String name) {
      return text(carrier, name).orElse(null);
    }
  }
}
