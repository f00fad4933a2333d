package dev.callboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import counter.v1.CounterOuterClass.AddRequest;
import dev.callboard.test.v1.AccountId;
import dev.callboard.test.v1.NestedRequest;
import dev.callboard.test.v1.OptionalRequest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class KeyFieldsTest {
  @Test
  void a_single_field_gets_the_key_as_it_is() {
    assertEquals(
        AddRequest.newBuilder().setCounter("kö/ln%").setDelta(3).build(),
        KeyFields.fill(AddRequest.newBuilder().setDelta(3).build(), "kö/ln%"));
  }

  @Test
  void fields_in_messages_get_their_parts_in_the_order_of_the_numbers() {
    AccountId to = AccountId.newBuilder().setBank("b").setNumber(1).build();
    NestedRequest request = NestedRequest.newBuilder().setNote("x").setTo(to).build();
    AccountId account = AccountId.newBuilder().setBank("ä/ö").setNumber(-7).build();
    NestedRequest filled = request.toBuilder().setAccount(account).build();
    assertEquals(filled, KeyFields.fill(request, "ä%2Fö/-7"));
    assertEquals("ä%2Fö/-7", KeyFields.read(filled));
    assertEquals("", KeyFields.read(request));
  }

  @Test
  void an_optional_0_is_a_key_and_a_plain_one_is_none() {
    assertEquals("0", KeyFields.read(OptionalRequest.newBuilder().setNumber(0).build()));
    assertEquals("", KeyFields.read(OptionalRequest.getDefaultInstance()));
    AccountId account = AccountId.newBuilder().setBank("b").build();
    assertEquals("", KeyFields.read(NestedRequest.newBuilder().setAccount(account).build()));
  }

  @Test
  void an_unsigned_number_is_written_without_a_sign() {
    OptionalRequest request = OptionalRequest.newBuilder().setNumber(-1).build();
    assertEquals("4294967295", KeyFields.read(request));
    assertEquals(request, KeyFields.fill(OptionalRequest.getDefaultInstance(), "4294967295"));
  }

  @ParameterizedTest
  @CsvSource({"a", "a/b/c", "a/seven", "other/7"})
  void a_key_that_does_not_fit_is_refused(String key) {
    AccountId account = AccountId.newBuilder().setBank("a").build();
    NestedRequest request = NestedRequest.newBuilder().setAccount(account).build();
    var refused =
        assertThrows(CallboardException.InvalidRequest.class, () -> KeyFields.fill(request, key));
    assertEquals("callboard-key", refused.metadata().get("field"));
  }
}
