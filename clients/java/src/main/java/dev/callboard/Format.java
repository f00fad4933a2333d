package dev.callboard;

import com.google.protobuf.ByteString;
import dev.callboard.v1.AskResponse;
import dev.callboard.v1.AwaitResponse;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Optional;
import java.util.function.BiFunction;

/**
 * How a response that comes by name is read.
 *
 * @param <R> what it is read as
 * @param isJson whether it is in protobuf's JSON, and not in its encoding
 * @param reader reads it from its encoding or its JSON
 */
record Format<R>(boolean isJson, BiFunction<ByteString, String, R> reader) {
  static final Format<String> JSON = new Format<>(true, (encoded, json) -> json);
  static final Format<ByteString> ENCODED = new Format<>(false, (encoded, json) -> encoded);

  /** Reads the answer to an ask, and throws a CallboardException when that cannot be done. */
  Reply<R> read(AskResponse answer) {
    Optional<Receipt> receipt =
        answer.hasReceipt() ? Optional.of(Receipt.of(answer.getReceipt())) : Optional.empty();
    return new Reply<>(read(answer.getEncoded(), answer.getJson()), receipt);
  }

  R read(AwaitResponse answer) {
    return read(answer.getEncoded(), answer.getJson());
  }

  private R read(ByteString encoded, String json) {
    try {
      return reader.apply(encoded, json);
    } catch (StatusRuntimeException e) {
      throw CallboardException.of(
          Status.INTERNAL.withDescription("the response cannot be read").withCause(e), "");
    }
  }
}
