package dev.callboard.conformance;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import dev.callboard.CallboardClient;
import dev.callboard.Message;
import dev.callboard.PendingReply;
import dev.callboard.Receipt;
import dev.callboard.Reply;
import dev.callboard.Result;
import dev.callboard.RetryPolicy;
import dev.callboard.TellStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/** What lives longer than an operation. */
final class Driver {
  private final ExecutorService threads;
  private final Map<String, PendingReply<?>> started = new ConcurrentHashMap<>();
  private final Map<String, CompletableFuture<?>> waits = new ConcurrentHashMap<>();
  private final Map<Integer, Stream> streams = new ConcurrentHashMap<>();
  private volatile CallboardClient client;

  /** A stream, and the thread that gives it messages in the order in which they come. */
  private record Stream(CallboardClient client, TellStream tells, ExecutorService thread) {}

  Driver(ExecutorService threads) {
    this.threads = threads;
  }

  /** Does of an operation what must keep the order of the operations, and begins the rest. */
  CompletableFuture<JsonObject> begin(String op, JsonObject args) {
    return switch (op) {
      case "connect" -> beside(() -> connect(args));
      case "close" -> beside(this::close);
      case "ask" -> beside(() -> ask(args));
      case "tell" -> beside(() -> tell(args));
      case "start" -> beside(() -> start(args));
      case "result" -> result(args);
      case "abandon" -> beside(() -> abandon(args));
      case "pick_up" -> beside(() -> pickUp(args));
      case "cancel" -> beside(() -> cancel(args));
      case "ask_many" -> beside(() -> askMany(args));
      case "stream_open" -> beside(() -> openStream(args));
      case "stream_tell" -> tellInStream(args);
      case "stream_close" -> closeStream(args);
      default -> CompletableFuture.failedFuture(new IllegalArgumentException("no operation " + op));
    };
  }

  JsonObject close() {
    if (client != null) {
      client.close();
    }
    return new JsonObject();
  }

  private CompletableFuture<JsonObject> beside(Supplier<JsonObject> operation) {
    return CompletableFuture.supplyAsync(operation, threads);
  }

  private JsonObject connect(JsonObject args) {
    RetryPolicy standard = RetryPolicy.DEFAULT;
    Optional<JsonElement> attempts = Optional.ofNullable(args.get("retry_attempts"));
    Duration base = Sending.millis(args, "retry_base_ms").orElse(standard.base());
    Duration cap = Sending.millis(args, "retry_cap_ms").orElse(standard.cap());
    CallboardClient.Builder builder =
        CallboardClient.builder(args.get("url").getAsString())
            .retry(
                standard
                    .withAttempts(attempts.map(JsonElement::getAsInt).orElse(standard.attempts()))
                    .withBackoff(base, cap));
    Sending.millis(args, "ask_timeout_ms").ifPresent(builder::askTimeout);
    Sending.millis(args, "tell_timeout_ms").ifPresent(builder::tellTimeout);
    Sending.text(args, "token").ifPresent(builder::token);
    Sending.text(args, "api_key").ifPresent(builder::apiKey);
    Sending.text(args, "ca_file").map(Path::of).ifPresent(builder::trustCertificates);
    Sending.text(args, "cert_file")
        .map(Path::of)
        .ifPresent(
            file -> builder.clientCertificate(file, Path.of(args.get("key_file").getAsString())));
    CallboardClient before = client;
    client = builder.build();
    if (before != null) {
      before.close();
    }
    return new JsonObject();
  }

  private JsonObject ask(JsonObject args) {
    Sending sending = new Sending(client, args);
    return Answers.reply(sending.trace().wrapSupplier(sending::ask).get());
  }

  private JsonObject tell(JsonObject args) {
    Sending sending = new Sending(client, args);
    return Answers.receipt(sending.trace().wrapSupplier(sending.message()::tell).get());
  }

  private JsonObject start(JsonObject args) {
    Sending sending = new Sending(client, args);
    PendingReply<?> pending = sending.trace().wrapSupplier(sending.message()::start).get();
    started.put(pending.messageId(), pending);
    JsonObject answer = new JsonObject();
    answer.addProperty("message_id", pending.messageId());
    return answer;
  }

  private CompletableFuture<JsonObject> result(JsonObject args) {
    PendingReply<?> pending = started.get(args.get("message_id").getAsString());
    CompletableFuture<?> wait =
        Sending.timeout(args).isPresent()
            ? pending.awaitAsync(Sending.timeout(args).get())
            : pending.awaitAsync();
    waits.put(pending.messageId(), wait);
    return wait.thenApply(
        response -> {
          JsonObject answer = new JsonObject();
          answer.addProperty("message_id", pending.messageId());
          answer.add("response", Sending.json(response));
          return answer;
        });
  }

  private JsonObject abandon(JsonObject args) {
    waits.get(args.get("message_id").getAsString()).cancel(true);
    return new JsonObject();
  }

  private JsonObject pickUp(JsonObject args) {
    PendingReply<?> pending = new Sending(client, args).pickUp();
    Optional<Duration> timeout = Sending.timeout(args);
    JsonObject answer = new JsonObject();
    answer.add(
        "response",
        Sending.json(timeout.isPresent() ? pending.await(timeout.get()) : pending.await()));
    return answer;
  }

  private JsonObject cancel(JsonObject args) {
    JsonObject answer = new JsonObject();
    answer.addProperty(
        "cancelled", client.cancel(Sending.address(args), args.get("message_id").getAsString()));
    return answer;
  }

  private JsonObject askMany(JsonObject args) {
    List<Message<?>> messages = new ArrayList<>();
    for (JsonElement ask : args.getAsJsonArray("asks")) {
      messages.add(new Sending(client, ask.getAsJsonObject()).message());
    }
    Optional<Duration> timeout = Sending.timeout(args);
    Supplier<List<Result<Object>>> asking =
        () ->
            timeout.isPresent()
                ? client.askMany(messages, timeout.get())
                : client.askMany(messages);
    List<Result<Object>> results = new Sending(client, args).trace().wrapSupplier(asking).get();
    JsonArray written = new JsonArray();
    for (Result<Object> result : results) {
      JsonObject one = new JsonObject();
      result.error().ifPresent(failed -> one.add("error", Answers.error(failed)));
      result
          .reply()
          .map(reply -> new Reply<>(Sending.json(reply.response()), reply.receipt()))
          .ifPresent(reply -> one.add("ok", Answers.reply(reply)));
      written.add(one);
    }
    JsonObject answer = new JsonObject();
    answer.add("results", written);
    return answer;
  }

  private synchronized JsonObject openStream(JsonObject args) {
    int number = streams.size() + 1;
    CallboardClient client = this.client;
    TellStream tells = new Sending(client, args).trace().wrapSupplier(client::tellStream).get();
    streams.put(number, new Stream(client, tells, Executors.newSingleThreadExecutor()));
    JsonObject answer = new JsonObject();
    answer.addProperty("stream", number);
    return answer;
  }

  private CompletableFuture<JsonObject> tellInStream(JsonObject args) {
    Stream stream = streams.get(args.get("stream").getAsInt());
    Sending sending = new Sending(stream.client(), args);
    CompletableFuture<CompletableFuture<Receipt>> told =
        CompletableFuture.supplyAsync(
            sending.trace().wrapSupplier(() -> stream.tells().tell(sending.message())),
            stream.thread());
    return told.thenCompose(receipt -> receipt).thenApply(Answers::receipt);
  }

  private CompletableFuture<JsonObject> closeStream(JsonObject args) {
    Stream stream = streams.get(args.get("stream").getAsInt());
    return CompletableFuture.runAsync(stream.tells()::close, stream.thread())
        .thenApply(
            closed -> {
              stream.thread().shutdown();
              return new JsonObject();
            });
  }
}
