package dev.callboard;

import java.util.Optional;

/**
 * What an ask was answered with.
 *
 * @param <R> the method's response
 * @param response the actor's response
 * @param receipt what became of the message; empty for a read-only ask, which is none
 */
public record Reply<R>(R response, Optional<Receipt> receipt) {}
