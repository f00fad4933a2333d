package dev.callboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

final class MessageIdTest {
  @Test
  void it_is_a_uuid_of_version_7_with_the_time() {
    long before = System.currentTimeMillis();
    UUID id = UUID.fromString(MessageId.mint());
    assertEquals(7, id.version());
    assertEquals(2, id.variant());
    long time = id.getMostSignificantBits() >>> 16;
    assertTrue(before <= time && time <= System.currentTimeMillis(), id.toString());
  }

  @Test
  void none_is_minted_twice() {
    Set<String> ids = new HashSet<>();
    for (int i = 0; i < 10_000; i++) {
      assertTrue(ids.add(MessageId.mint()));
    }
  }
}
