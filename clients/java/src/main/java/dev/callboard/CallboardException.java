package dev.callboard;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;

/**
 * What a call failed with: a gRPC status with its details read. Its class says what a program can
 * do about it.
 *
 * <p>The methods of this package throw it. A stub throws gRPC's {@link StatusRuntimeException}, and
 * {@link #from} finds it there:
 *
 * <pre>{@code
 * try {
 *   account.deposit(request);
 * } catch (StatusRuntimeException e) {
 *   throw CallboardException.from(e);
 * }
 * }</pre>
 *
 * <p>Its cause is the original status, as gRPC's exception.
 */
// Exceptions are serializable, and gRPC's statuses are not: as with those of gRPC itself.
@SuppressWarnings("serial")
public abstract class CallboardException extends RuntimeException {
  /** The {@link #domain} of Callboard's own errors. */
  public static final String DOMAIN = "callboard.dev";

  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  private static final Duration LONGEST_DELAY = Duration.ofDays(366);

  /** Netty's exceptions of a connection that does not speak HTTP/2, shaded or not. */
  private static final Set<String> BROKEN = Set.of("Http2Exception", "StacklessHttp2Exception");

  /** What the status says. */
  private final Facts facts;

  private CallboardException(Facts facts) {
    super(facts.text(), facts.original());
    this.facts = facts;
  }

  /**
   * The gateway, its database or the actor's function cannot be reached. All attempts were made;
   * the message may be stored. Send it again with its id, later.
   */
  public static final class Unavailable extends CallboardException {
    private Unavailable(Facts facts) {
      super(facts);
    }
  }

  /**
   * No answer came in time; the message may be stored, and is processed then. Wait for the reply by
   * the message's id ({@link Actor#pickUp}), or send it again with that id.
   */
  public static final class DeadlineExceeded extends CallboardException {
    private DeadlineExceeded(Facts facts) {
      super(facts);
    }
  }

  /** The request is not valid. To send it again as it is does not help. */
  public static final class InvalidRequest extends CallboardException {
    private InvalidRequest(Facts facts) {
      super(facts);
    }
  }

  /** The gateway knows no such actor type or method. */
  public static final class UnknownMethod extends CallboardException {
    private UnknownMethod(Facts facts) {
      super(facts);
    }
  }

  /** The actor type has no function that can run. With a receipt the message is stored. */
  public static final class NotDeployed extends CallboardException {
    private NotDeployed(Facts facts) {
      super(facts);
    }
  }

  /** The message, its reply or the actor's state is larger than the limit. */
  public static final class PayloadTooLarge extends CallboardException {
    private PayloadTooLarge(Facts facts) {
      super(facts);
    }
  }

  /** Too many messages wait for the actor. The message is not stored. */
  public static final class MailboxFull extends CallboardException {
    private MailboxFull(Facts facts) {
      super(facts);
    }
  }

  /**
   * The caller sends more than it may, or the actor gets more than it may. The message is not
   * stored.
   */
  public static final class RateLimited extends CallboardException {
    private RateLimited(Facts facts) {
      super(facts);
    }
  }

  /** The handler failed in all of its attempts, and the message was set aside. */
  public static final class DeadLettered extends CallboardException {
    private DeadLettered(Facts facts) {
      super(facts);
    }
  }

  /** The id belongs to another message. This one is not handled. */
  public static final class MessageIdReused extends CallboardException {
    private MessageIdReused(Facts facts) {
      super(facts);
    }
  }

  /** The delayed message was cancelled before it was due. */
  public static final class MessageCancelled extends CallboardException {
    private MessageCancelled(Facts facts) {
      super(facts);
    }
  }

  /** The call came without credentials, or with some that are not taken. */
  public static final class Unauthenticated extends CallboardException {
    private Unauthenticated(Facts facts) {
      super(facts);
    }
  }

  /** The caller may not do this. */
  public static final class PermissionDenied extends CallboardException {
    private PermissionDenied(Facts facts) {
      super(facts);
    }
  }

  /**
   * The caller gave up waiting, or the client was closed. What was sent is processed all the same.
   */
  public static final class Cancelled extends CallboardException {
    private Cancelled(Facts facts) {
      super(facts);
    }
  }

  /** A defect of Callboard, or of the way to it. The message may be stored. */
  public static final class Internal extends CallboardException {
    private Internal(Facts facts) {
      super(facts);
    }
  }

  /**
   * The actor answered with a status of its own; code, reason, domain and metadata are the actor's.
   */
  public static final class Handler extends CallboardException {
    private Handler(Facts facts) {
      super(facts);
    }
  }

  /**
   * Finds out what failed, from what a stub threw or a future ended with.
   *
   * @param thrown an exception of gRPC or of this package, or one that has it as its cause
   * @return the exception of this package
   */
  public static CallboardException from(Throwable thrown) {
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof CallboardException found) {
        return found;
      }
    }
    for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
      if (cause instanceof StatusRuntimeException e) {
        return of(e.getStatus(), e.getTrailers(), "", Optional.empty());
      }
      if (cause instanceof StatusException e) {
        return of(e.getStatus(), e.getTrailers(), "", Optional.empty());
      }
      if (cause instanceof CancellationException) {
        return of(Status.CANCELLED.withDescription("the caller gave up waiting"), "");
      }
    }
    return of(Status.UNKNOWN.withDescription(thrown.toString()).withCause(thrown), "");
  }

  /**
   * The gRPC status code.
   *
   * @return the code
   */
  public Status.Code code() {
    return facts.status().getCode();
  }

  /**
   * Why the call failed, for programs: {@code ASK_TIMEOUT}. Those of Callboard's own are in {@link
   * dev.callboard.v1.ErrorReason}, without their prefix.
   *
   * @return the reason; empty when nobody gave one
   */
  public String reason() {
    return facts.info().getReason();
  }

  /**
   * Whose reason it is: {@link #DOMAIN} for Callboard's own.
   *
   * @return the domain; empty when there is no reason
   */
  public String domain() {
    return facts.info().getDomain();
  }

  /**
   * The facts of the reason.
   *
   * @return names and values
   */
  public Map<String, String> metadata() {
    return facts.info().getMetadataMap();
  }

  /**
   * After which time the same call may succeed.
   *
   * @return the time, from 0 to 366 days; empty when the error does not say so
   */
  public Optional<Duration> retryDelay() {
    return detail(RetryInfo.class).map(RetryInfo::getRetryDelay).map(CallboardException::bounded);
  }

  /**
   * The id that the message was sent with. Sent again with it, the message is handled once.
   *
   * @return the id; empty when there was no message
   */
  public Optional<String> messageId() {
    return Optional.of(facts.messageId()).filter(id -> !id.isEmpty());
  }

  /**
   * What became of the message, if it is known to be stored.
   *
   * @return the receipt
   */
  public Optional<Receipt> receipt() {
    return facts.receipt();
  }

  /**
   * All details of the status.
   *
   * @return the details, as they came
   */
  public List<Any> details() {
    return facts.details();
  }

  /**
   * The detail of a type: {@code com.google.rpc.BadRequest} names the fields that are wrong.
   *
   * @param <D> the type of the detail
   * @param type its class
   * @return the first one of the type that can be read
   */
  public <D extends Message> Optional<D> detail(Class<D> type) {
    return find(facts.details(), type);
  }

  /**
   * The original status.
   *
   * @return the status
   */
  public Status status() {
    return facts.status();
  }

  /** What came with the status. */
  Metadata trailers() {
    return facts.trailers() == null ? new Metadata() : facts.trailers();
  }

  /** Whether the same message may be sent again as it is, and may then succeed. */
  boolean isRetryable() {
    return code() != Status.Code.DEADLINE_EXCEEDED
        && (code() == Status.Code.UNAVAILABLE || retryDelay().isPresent());
  }

  /** The same of another message that shared its fate. */
  CallboardException forMessage(String messageId) {
    return of(facts.status(), facts.trailers(), messageId, Optional.empty());
  }

  /** Reads what an attempt ended with. The message id may be empty, and the trailers null. */
  static CallboardException of(
      Status status, Metadata trailers, String messageId, Optional<Receipt> receipt) {
    List<Any> details = readDetails(trailers);
    ErrorInfo info = find(details, ErrorInfo.class).orElse(ErrorInfo.getDefaultInstance());
    return ofKind(new Facts(meant(status), trailers, details, info, messageId, receipt));
  }

  /** What gRPC's statuses of its own mean; one that came from the other side has no cause. */
  private static Status meant(Status status) {
    Throwable cause = status.getCause();
    if (status.getCode() == Status.Code.CANCELLED && cause instanceof StatusRuntimeException) {
      // It cancels a call whose answer cannot be read.
      return Status.fromThrowable(cause);
    }
    if (status.getCode() == Status.Code.INTERNAL
        && cause != null
        && BROKEN.contains(cause.getClass().getSimpleName())) {
      return Status.UNAVAILABLE.withDescription(status.getDescription()).withCause(cause);
    }
    return status;
  }

  /** An error that no gateway has made. */
  static CallboardException of(Status status, String messageId) {
    return of(status, null, messageId, Optional.empty());
  }

  /** Reads a status that came in an answer. */
  static CallboardException of(dev.callboard.v1.Status status, String messageId) {
    StatusRuntimeException thrown =
        StatusProto.toStatusRuntimeException(
            com.google.rpc.Status.newBuilder()
                .setCode(status.getCode())
                .setMessage(status.getMessage())
                .addAllDetails(status.getDetailsList())
                .build());
    return of(thrown.getStatus(), thrown.getTrailers(), messageId, Optional.empty());
  }

  /** Refuses what cannot even be sent, as the gateway would. */
  static CallboardException invalid(String field, String detail) {
    ErrorInfo info =
        ErrorInfo.newBuilder()
            .setReason("INVALID_REQUEST")
            .setDomain(DOMAIN)
            .putMetadata("field", field)
            .putMetadata("detail", detail)
            .build();
    BadRequest.FieldViolation violation =
        BadRequest.FieldViolation.newBuilder().setField(field).setDescription(detail).build();
    return of(
        dev.callboard.v1.Status.newBuilder()
            .setCode(Status.Code.INVALID_ARGUMENT.value())
            .setMessage(field + ": " + detail)
            .addDetails(Any.pack(info))
            .addDetails(Any.pack(BadRequest.newBuilder().addFieldViolations(violation).build()))
            .build(),
        "");
  }

  private static CallboardException ofKind(Facts facts) {
    boolean isOurs = DOMAIN.equals(facts.info().getDomain());
    if (isOurs) {
      switch (facts.info().getReason()) {
        case "UNKNOWN_METHOD":
          return new UnknownMethod(facts);
        case "INTERNAL_METHOD", "PERMISSION_DENIED":
          return new PermissionDenied(facts);
        case "ACTOR_NOT_DEPLOYED":
          return new NotDeployed(facts);
        case "INVALID_REQUEST":
          return new InvalidRequest(facts);
        case "PAYLOAD_TOO_LARGE":
          return new PayloadTooLarge(facts);
        case "ASK_TIMEOUT", "SEND_TIMEOUT":
          return new DeadlineExceeded(facts);
        case "UNAVAILABLE":
          return new Unavailable(facts);
        case "MAILBOX_FULL":
          return new MailboxFull(facts);
        case "RATE_LIMITED":
          return new RateLimited(facts);
        case "DEAD_LETTERED":
          return new DeadLettered(facts);
        case "MESSAGE_ID_REUSED":
          return new MessageIdReused(facts);
        case "MESSAGE_CANCELLED":
          return new MessageCancelled(facts);
        case "UNAUTHENTICATED":
          return new Unauthenticated(facts);
        default:
          // One that came later than this client: its code has to do.
          break;
      }
    }
    // What the gateway has stored and does not refuse itself was answered by the actor.
    if (!isOurs && (!facts.info().getDomain().isEmpty() || facts.receipt().isPresent())) {
      return new Handler(facts);
    }
    return switch (facts.status().getCode()) {
      case UNAVAILABLE -> new Unavailable(facts);
      case DEADLINE_EXCEEDED -> new DeadlineExceeded(facts);
      case CANCELLED -> new Cancelled(facts);
      case UNAUTHENTICATED -> new Unauthenticated(facts);
      case INTERNAL, UNKNOWN -> new Internal(facts);
      default -> isOurs ? new Internal(facts) : new Handler(facts);
    };
  }

  private static Duration bounded(com.google.protobuf.Duration delay) {
    if (delay.getSeconds() < 0 || delay.getNanos() < 0) {
      return Duration.ZERO;
    }
    return delay.getSeconds() < LONGEST_DELAY.getSeconds()
        ? Duration.ofSeconds(delay.getSeconds(), delay.getNanos())
        : LONGEST_DELAY;
  }

  private static List<Any> readDetails(Metadata trailers) {
    byte[] encoded = trailers == null ? null : trailers.get(DETAILS);
    try {
      return encoded == null
          ? List.of()
          : com.google.rpc.Status.parseFrom(encoded).getDetailsList();
    } catch (InvalidProtocolBufferException e) {
      // The code and the text are there all the same.
      return List.of();
    }
  }

  private static <D extends Message> Optional<D> find(List<Any> details, Class<D> type) {
    for (Any detail : details) {
      if (detail.is(type)) {
        try {
          return Optional.of(detail.unpack(type));
        } catch (InvalidProtocolBufferException e) {
          return Optional.empty();
        }
      }
    }
    return Optional.empty();
  }

  private record Facts(
      Status status,
      Metadata trailers,
      List<Any> details,
      ErrorInfo info,
      String messageId,
      Optional<Receipt> receipt) {

    String text() {
      String reason = info.getReason().isEmpty() ? "" : " (" + info.getReason() + ")";
      String text = status.getDescription() == null ? "" : ": " + status.getDescription();
      return status.getCode() + reason + text;
    }

    StatusRuntimeException original() {
      return new StatusRuntimeException(status, trailers);
    }
  }
}
