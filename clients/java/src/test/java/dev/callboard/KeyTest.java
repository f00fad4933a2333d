package dev.callboard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class KeyTest {
  /** The table of docs/keys.md. */
  static List<Arguments> documented() {
    return List.of(
        Arguments.of("alice", new String[] {"alice"}),
        Arguments.of("eu/west", new String[] {"eu/west"}),
        Arguments.of("50%", new String[] {"50%"}),
        Arguments.of("eu/alice", new String[] {"eu", "alice"}),
        Arguments.of("eu%2Fwest/alice", new String[] {"eu/west", "alice"}),
        Arguments.of("50%25/1", new String[] {"50%", "1"}),
        Arguments.of("%252F/%2F", new String[] {"%2F", "/"}),
        Arguments.of("a/-7/b c", new String[] {"a", "-7", "b c"}),
        Arguments.of("köln/ä%2Fö", new String[] {"köln", "ä/ö"}));
  }

  @ParameterizedTest
  @MethodSource("documented")
  void parts_are_joined_and_read_back(String key, String[] parts) {
    assertEquals(key, Key.of(parts));
    assertArrayEquals(parts, Key.parts(key, parts.length));
  }
}
