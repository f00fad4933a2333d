package dev.callboard;

import static io.grpc.Metadata.ASCII_STRING_MARSHALLER;

import io.grpc.Metadata;

/** The names of Callboard's headers, and what can be in them. */
final class Headers {
  static final Metadata.Key<String> MESSAGE_ID = key("callboard-message-id");
  static final Metadata.Key<String> KEY = key("callboard-key");
  static final Metadata.Key<String> MODE = key("callboard-mode");
  static final Metadata.Key<String> DELAY = key("callboard-delay");
  static final Metadata.Key<String> DELIVER_AT = key("callboard-deliver-at");
  static final Metadata.Key<String> SEQUENCE = key("callboard-sequence");
  static final Metadata.Key<String> DUPLICATE = key("callboard-duplicate");
  static final Metadata.Key<String> API_KEY = key("callboard-api-key");
  static final Metadata.Key<String> AUTHORIZATION = key("authorization");

  private Headers() {}

  static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, ASCII_STRING_MARSHALLER);
  }

  /** Whether a header can hold a text as it is: visible ASCII, and spaces within it. */
  static boolean canHold(String text) {
    return text.chars().allMatch(c -> c >= ' ' && c <= '~')
        && !text.startsWith(" ")
        && !text.endsWith(" ");
  }
}
