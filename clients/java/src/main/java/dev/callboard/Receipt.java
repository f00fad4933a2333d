package dev.callboard;

import io.grpc.Metadata;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What became of a message that is stored.
 *
 * @param messageId the id of the message
 * @param sequence its place in its actor's mailbox, from 1; empty for a delayed message, and for
 *     one that was sent before
 * @param duplicate whether it was sent before; then it is not handled again
 * @param newKey the key that the gateway has made for a new actor; empty when it made none
 */
public record Receipt(
    String messageId, OptionalLong sequence, boolean duplicate, Optional<String> newKey) {

  /** Reads the headers or the trailers of an answer; a read-only ask has no receipt in them. */
  static Optional<Receipt> of(Metadata headers) {
    String id = headers.get(Headers.MESSAGE_ID);
    if (id == null) {
      return Optional.empty();
    }
    return Optional.of(
        new Receipt(
            id,
            sequence(headers.get(Headers.SEQUENCE)),
            "true".equals(headers.get(Headers.DUPLICATE)),
            Optional.ofNullable(headers.get(Headers.KEY))));
  }

  static Receipt of(dev.callboard.v1.Receipt receipt) {
    return new Receipt(
        receipt.getMessageId(),
        receipt.hasSequence() ? OptionalLong.of(receipt.getSequence()) : OptionalLong.empty(),
        receipt.getDuplicate(),
        Optional.of(receipt.getNewKey()).filter(key -> !key.isEmpty()));
  }

  private static OptionalLong sequence(String text) {
    try {
      return text == null ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(text));
    } catch (NumberFormatException e) {
      // Whoever wrote it was not the gateway.
      return OptionalLong.empty();
    }
  }
}
