package dev.callboard;

import java.util.Optional;

/**
 * What became of one of several asks: it has a reply, or an error.
 *
 * @param <R> the method's response
 * @param reply the reply, if it came
 * @param error why there is none
 */
public record Result<R>(Optional<Reply<R>> reply, Optional<CallboardException> error) {

  /**
   * The actor's response.
   *
   * @return the response
   * @throws CallboardException the error, if there is no response
   */
  public R get() {
    return reply.orElseThrow(error::orElseThrow).response();
  }

  static <R> Result<R> of(Reply<R> reply) {
    return new Result<>(Optional.of(reply), Optional.empty());
  }

  static <R> Result<R> of(CallboardException error) {
    return new Result<>(Optional.empty(), Optional.of(error));
  }
}
