package dev.callboard;

import io.grpc.Metadata;
import java.util.function.UnaryOperator;

/**
 * What goes with a request, the same in each attempt.
 *
 * @param <Q> the method's request
 * @param messageId the id of the message, for errors; empty when there is none
 * @param headers what is said in headers
 * @param request makes the request that is sent of the caller's; throws a CallboardException
 */
record Envelope<Q>(String messageId, Metadata headers, UnaryOperator<Q> request) {}
