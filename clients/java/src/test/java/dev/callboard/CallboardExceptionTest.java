package dev.callboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.callboard.v1.ErrorReason;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

final class CallboardExceptionTest {
  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"UNRECOGNIZED", "ERROR_REASON_UNSPECIFIED"})
  void each_reason_of_callboard_is_no_handlers(ErrorReason reason) {
    String name = reason.name().replace("ERROR_REASON_", "");
    CallboardException failed = CallboardException.from(thrown(Status.ABORTED, name));
    assertEquals(name, failed.reason());
    assertEquals(CallboardException.DOMAIN, failed.domain());
    assertTrue(!(failed instanceof CallboardException.Handler), failed.getClass().getName());
  }

  @ParameterizedTest
  @CsvSource({
    "UNAVAILABLE, Unavailable",
    "DEADLINE_EXCEEDED, DeadlineExceeded",
    "CANCELLED, Cancelled",
    "UNAUTHENTICATED, Unauthenticated",
    "INTERNAL, Internal",
    "UNKNOWN, Internal",
    "NOT_FOUND, Handler"
  })
  void a_status_without_details_is_of_its_code(Status.Code code, String kind) {
    CallboardException failed = CallboardException.from(code.toStatus().asException());
    assertEquals(kind, failed.getClass().getSimpleName());
    assertEquals("", failed.reason());
    assertEquals(Optional.empty(), failed.messageId());
  }

  @Test
  void what_is_stored_and_not_refused_was_answered_by_the_handler() {
    Metadata headers = new Metadata();
    headers.put(Headers.MESSAGE_ID, "order-7");
    CallboardException failed =
        CallboardException.of(Status.UNAVAILABLE, headers, "order-7", Receipt.of(headers));
    assertInstanceOf(CallboardException.Handler.class, failed);
  }

  @Test
  void it_is_found_wherever_it_is() {
    StatusRuntimeException own = thrown(Status.ALREADY_EXISTS, "MESSAGE_ID_REUSED");
    CallboardException failed = CallboardException.from(new CompletionException(own));
    assertInstanceOf(CallboardException.MessageIdReused.class, failed);
    StatusException wrapped = Status.UNKNOWN.withCause(failed).asException();
    assertSame(failed, CallboardException.from(new CompletionException(wrapped)));
    assertEquals(own.getStatus(), ((StatusRuntimeException) failed.getCause()).getStatus());
    assertInstanceOf(
        CallboardException.Cancelled.class,
        CallboardException.from(new CompletionException(new CancellationException())));
    RuntimeException other = new RuntimeException("other");
    assertSame(other, CallboardException.from(other).status().getCause());
  }

  @Test
  void details_that_cannot_be_read_leave_code_and_text() {
    Metadata trailers = new Metadata();
    trailers.put(
        Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER),
        new byte[] {-1, 1});
    Status status = Status.ABORTED.withDescription("no luck");
    CallboardException failed = CallboardException.from(status.asRuntimeException(trailers));
    assertEquals(Status.Code.ABORTED, failed.code());
    assertTrue(failed.getMessage().contains("no luck"));
    assertTrue(failed.details().isEmpty());
  }

  @ParameterizedTest
  @CsvSource({
    "0, 412000000, PT0.412S",
    "-9223372036854775808, -999999999, PT0S",
    "9223372036854775807, 999999999, PT8784H"
  })
  void a_retry_delay_is_within_bounds(long seconds, int nanos, Duration expected) {
    RetryInfo.Builder info = RetryInfo.newBuilder();
    info.getRetryDelayBuilder().setSeconds(seconds).setNanos(nanos);
    CallboardException failed =
        CallboardException.of(
            dev.callboard.v1.Status.newBuilder()
                .setCode(14)
                .addDetails(Any.pack(info.build()))
                .build(),
            "");
    assertEquals(Optional.of(expected), failed.retryDelay());
    assertTrue(RetryPolicy.DEFAULT.wait(1, failed, 0.5).isPresent());
  }

  @Test
  void what_cannot_be_sent_is_refused_as_the_gateway_would() {
    CallboardException failed = CallboardException.invalid("callboard-key", "it is bad");
    assertInstanceOf(CallboardException.InvalidRequest.class, failed);
    assertEquals(Status.Code.INVALID_ARGUMENT, failed.code());
    assertEquals(
        "callboard-key",
        failed.detail(BadRequest.class).orElseThrow().getFieldViolations(0).getField());
    assertEquals(
        "INVALID_ARGUMENT (INVALID_REQUEST): callboard-key: it is bad", failed.getMessage());
  }

  private static StatusRuntimeException thrown(Status status, String reason) {
    ErrorInfo info =
        ErrorInfo.newBuilder().setReason(reason).setDomain(CallboardException.DOMAIN).build();
    return StatusProto.toStatusRuntimeException(
        com.google.rpc.Status.newBuilder()
            .setCode(status.getCode().value())
            .addDetails(Any.pack(info))
            .build());
  }
}
