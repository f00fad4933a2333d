package dev.callboard;

import io.grpc.CallCredentials;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/** Who calls: a bearer token, an API key, or both. */
final class Identity extends CallCredentials {
  /** What is the same in each call. */
  private final Metadata fixed = new Metadata();

  private final Supplier<String> tokens;

  /**
   * @param tokens asked for a token before each attempt; null for none
   * @param token one that stays; null for none
   * @param apiKey null for none
   */
  Identity(Supplier<String> tokens, String token, String apiKey) {
    this.tokens = tokens;
    if (token != null) {
      fixed.put(Headers.AUTHORIZATION, "Bearer " + token);
    }
    if (apiKey != null) {
      fixed.put(Headers.API_KEY, apiKey);
    }
  }

  @Override
  public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier applier) {
    if (tokens == null) {
      applier.apply(fixed);
      return;
    }
    // It may have to be fetched.
    executor.execute(
        () -> {
          Metadata headers = new Metadata();
          headers.merge(fixed);
          try {
            headers.put(
                Headers.AUTHORIZATION,
                "Bearer " + Objects.requireNonNull(tokens.get(), "it is null"));
          } catch (RuntimeException e) {
            applier.fail(
                Status.UNAUTHENTICATED
                    .withDescription("there is no token to show: " + e.getMessage())
                    .withCause(e));
            return;
          }
          applier.apply(headers);
        });
  }
}
