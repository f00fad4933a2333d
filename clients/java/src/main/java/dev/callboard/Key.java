package dev.callboard;

import java.util.Arrays;
import java.util.stream.Collectors;

/** Writes the keys of actors. */
public final class Key {
  private Key() {}

  /**
   * Joins the parts of a key with {@code /}, with {@code %} and {@code /} in each part written as
   * {@code %25} and {@code %2F}. A single part is the key, as it is; no part is no key.
   *
   * @param parts as many as the requests have key fields. The whole key has 1 to 1,024 bytes of
   *     UTF-8 and no control characters.
   * @return the key, as an {@link Address} has it
   */
  public static String of(String... parts) {
    if (parts.length == 1) {
      return parts[0];
    }
    return Arrays.stream(parts)
        .map(part -> part.replace("%", "%25").replace("/", "%2F"))
        .collect(Collectors.joining("/"));
  }

  /** The parts of a key that has so many. What is not escaped as it should be, the gateway sees. */
  static String[] parts(String key, int count) {
    if (count == 1) {
      return new String[] {key};
    }
    String[] parts = key.split("/", -1);
    Arrays.setAll(parts, i -> parts[i].replace("%2F", "/").replace("%25", "%"));
    return parts;
  }
}
