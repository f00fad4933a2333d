package dev.callboard.conformance;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.callboard.CallboardException;
import dev.callboard.Receipt;
import dev.callboard.Reply;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;

/** How receipts and errors are written. */
final class Answers {
  static final Gson GSON = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

  private Answers() {}

  static JsonObject reply(Reply<JsonElement> reply) {
    // A read-only ask has no receipt.
    Receipt none = new Receipt("", OptionalLong.empty(), false, Optional.empty());
    JsonObject answer = receipt(reply.receipt().orElse(none));
    answer.add("response", reply.response());
    return answer;
  }

  static JsonObject receipt(Receipt receipt) {
    JsonObject answer = new JsonObject();
    answer.add("message_id", text(receipt.messageId()));
    answer.add(
        "sequence",
        receipt.sequence().isPresent()
            ? new JsonPrimitive(receipt.sequence().getAsLong())
            : JsonNull.INSTANCE);
    answer.addProperty("duplicate", receipt.duplicate());
    answer.add("new_key", text(receipt.newKey().orElse("")));
    return answer;
  }

  static JsonObject error(Throwable thrown) {
    CallboardException failed = CallboardException.from(thrown);
    JsonObject answer = new JsonObject();
    answer.addProperty("code", failed.code().name());
    answer.add("reason", text(failed.reason()));
    answer.add("domain", text(failed.domain()));
    answer.add("metadata", GSON.toJsonTree(failed.metadata()));
    answer.addProperty("retry_delay_ms", failed.retryDelay().map(Duration::toMillis).orElse(null));
    answer.addProperty("message", failed.getMessage());
    answer.add("message_id", text(failed.messageId().orElse("")));
    answer.addProperty("type", failed.getClass().getSimpleName());
    return answer;
  }

  private static JsonElement text(String text) {
    return text.isEmpty() ? JsonNull.INSTANCE : new JsonPrimitive(text);
  }
}
