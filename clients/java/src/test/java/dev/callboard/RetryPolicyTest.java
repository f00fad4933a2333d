package dev.callboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.Any;
import com.google.rpc.RetryInfo;
import dev.callboard.v1.Status;
import io.grpc.Status.Code;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class RetryPolicyTest {
  private static final double NEARLY_1 = Math.nextDown(1.0);

  @ParameterizedTest
  @CsvSource({"1,100", "2,200", "3,400", "4,800", "5,1600", "6,2000", "60,2000"})
  void waits_have_full_jitter_below_a_bound_that_doubles(int attempt, long boundMs) {
    RetryPolicy policy = RetryPolicy.DEFAULT.withAttempts(100);
    CallboardException failed = failed(Code.UNAVAILABLE, null);
    assertEquals(Optional.of(Duration.ZERO), policy.wait(attempt, failed, 0));
    assertEquals(
        boundMs, policy.wait(attempt, failed, NEARLY_1).orElseThrow().plusNanos(1).toMillis());
  }

  @Test
  void the_delay_that_is_asked_for_is_the_least_wait() {
    CallboardException failed = failed(Code.RESOURCE_EXHAUSTED, Duration.ofMillis(500));
    assertEquals(Optional.of(Duration.ofMillis(500)), RetryPolicy.DEFAULT.wait(1, failed, 0));
    assertEquals(Optional.of(Duration.ofMillis(550)), RetryPolicy.DEFAULT.wait(4, failed, 0.5));
  }

  @Test
  void the_last_attempt_is_the_last() {
    CallboardException failed = failed(Code.UNAVAILABLE, Duration.ZERO);
    assertEquals(Optional.empty(), RetryPolicy.DEFAULT.wait(5, failed, 0));
    assertEquals(Optional.empty(), RetryPolicy.NONE.wait(1, failed, 0));
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"OK", "UNAVAILABLE"})
  void no_other_code_is_tried_again(Code code) {
    assertEquals(Optional.empty(), RetryPolicy.DEFAULT.wait(1, failed(code, null), 0));
  }

  @Test
  void a_deadline_that_has_passed_is_never_tried_again() {
    CallboardException failed = failed(Code.DEADLINE_EXCEEDED, Duration.ofMillis(1));
    assertEquals(Optional.empty(), RetryPolicy.DEFAULT.wait(1, failed, 0));
  }

  @Test
  void nonsense_is_refused() {
    assertThrows(IllegalArgumentException.class, () -> RetryPolicy.DEFAULT.withAttempts(0));
    Duration negative = Duration.ofMillis(-1);
    assertThrows(
        IllegalArgumentException.class,
        () -> RetryPolicy.DEFAULT.withBackoff(negative, Duration.ZERO));
  }

  private static CallboardException failed(Code code, Duration retryDelay) {
    Status.Builder status = Status.newBuilder().setCode(code.value());
    if (retryDelay != null) {
      RetryInfo.Builder info = RetryInfo.newBuilder();
      info.getRetryDelayBuilder()
          .setSeconds(retryDelay.getSeconds())
          .setNanos(retryDelay.getNano());
      status.addDetails(Any.pack(info.build()));
    }
    return CallboardException.of(status.build(), "");
  }
}
