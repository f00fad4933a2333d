/**
 * Calls Callboard's actors.
 *
 * <p>The stubs are those that grpc-java's generator makes from your {@code .proto} files. An {@link
 * dev.callboard.Actor} is the channel that they call through:
 *
 * <pre>{@code
 * try (CallboardClient client = CallboardClient.connect("http://127.0.0.1:7070")) {
 *   var account = client.actor(AccountGrpc::newBlockingStub, "alice");
 *   account.deposit(DepositRequest.newBuilder().setCents(500).build());
 * }
 * }</pre>
 *
 * <p>Each message has an id from its first attempt on, so what is sent again is handled once; a
 * call has a deadline; and an error is a {@link dev.callboard.CallboardException}, which says what
 * a program can do next.
 *
 * <p>A {@link dev.callboard.Message} is a call that is not made yet. It can be asked, told, told
 * for later, started, asked together with others and sent in a {@link dev.callboard.TellStream}.
 */
package dev.callboard;
