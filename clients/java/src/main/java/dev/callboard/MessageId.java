package dev.callboard;

import java.security.SecureRandom;
import java.util.UUID;

/** Mints the ids of messages. */
final class MessageId {
  private static final SecureRandom RANDOM = new SecureRandom();

  private MessageId() {}

  /** A UUID of version 7: the time in milliseconds, and 74 random bits (RFC 9562, section 5.7). */
  static String mint() {
    long high = System.currentTimeMillis() << 16 | 0x7000 | RANDOM.nextInt(0x1000);
    long low = RANDOM.nextLong() >>> 2 | 1L << 63;
    return new UUID(high, low).toString();
  }
}
