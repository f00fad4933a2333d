package dev.callboard;

import com.google.protobuf.ByteString;
import dev.callboard.v1.CancelRequest;
import dev.callboard.v1.CancelResponse;
import dev.callboard.v1.GatewayGrpc;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A connection to Callboard. It is made for sharing: one is enough for a program, and all of its
 * methods may be called by several threads. Close it when it is no longer needed.
 */
public final class CallboardClient implements AutoCloseable {
  /** How long {@link #close} lets open calls go on. */
  private static final Duration CLOSE_GRACE = Duration.ofSeconds(2);

  /** How long the connection may take to end. */
  private static final Duration CLOSE_CONNECTION = Duration.ofSeconds(5);

  private final Builder settings;
  private final ManagedChannel connection;
  private final Channel channel;
  private final Channel gateway = new GatewayChannel(this);
  private final OpenCalls openCalls = new OpenCalls();
  private final ScheduledThreadPoolExecutor timer;

  private CallboardClient(Builder settings) {
    this.settings = settings;
    this.connection = settings.transport.connection();
    this.channel = settings.transport.identified(connection);
    this.timer = new ScheduledThreadPoolExecutor(1, CallboardClient::newTimerThread);
    this.timer.setRemoveOnCancelPolicy(true);
  }

  /**
   * Makes a client of the gateway at a URL, with the settings that are usual. It connects with the
   * first call, and again after a connection broke.
   *
   * @param url {@code http://host:port} in plaintext, or {@code https://host:port} with TLS
   * @return the client
   * @throws IllegalArgumentException when the URL is not valid
   */
  public static CallboardClient connect(String url) {
    return builder(url).build();
  }

  /**
   * Begins to make a client of the gateway at a URL.
   *
   * @param url {@code http://host:port} in plaintext, or {@code https://host:port} with TLS
   * @return what settings can be made with
   */
  public static Builder builder(String url) {
    return new Builder(url);
  }

  /**
   * Gives what stubs call an actor through.
   *
   * @param key the parts of the actor's key, as many as the requests have key fields; they are
   *     joined as {@link Key#of} says. Without any part the key is in the requests, or the gateway
   *     makes a new one.
   * @return a channel for stubs
   */
  public Actor actor(String... key) {
    return new Actor(this, Key.of(key));
  }

  /**
   * Gives a stub of an actor.
   *
   * <pre>{@code
   * var account = client.actor(AccountGrpc::newBlockingStub, "alice");
   * }</pre>
   *
   * @param <S> the stub
   * @param stub makes the stub: any of those that the generated code has
   * @param key as that of {@link #actor(String...)}
   * @return the stub
   */
  public <S> S actor(Function<? super Channel, S> stub, String... key) {
    return stub.apply(actor(key));
  }

  /**
   * Makes a message by name, without generated code.
   *
   * @param address the actor's. Its key may be empty when the request has it, or the method makes a
   *     new one.
   * @param method the method's name: {@code Deposit}
   * @param request the request in protobuf's JSON: <code>{"cents": 500}</code>
   * @return the message; its response is in protobuf's JSON, too
   */
  public Message<String> jsonMessage(Address address, String method, String request) {
    Route<String> route = new Route<>(this, address, method, Format.JSON);
    return new Message<>(new NamedMessage<>(route, message -> message.setJson(request)));
  }

  /**
   * Makes a message by name, without generated code.
   *
   * @param address the actor's. Its key may be empty when the request has it, or the method makes a
   *     new one.
   * @param method the method's name: {@code Deposit}
   * @param request the request in protobuf's encoding
   * @return the message; its response is in protobuf's encoding, too
   */
  public Message<ByteString> encodedMessage(Address address, String method, ByteString request) {
    Route<ByteString> route = new Route<>(this, address, method, Format.ENCODED);
    return new Message<>(new NamedMessage<>(route, message -> message.setEncoded(request)));
  }

  /**
   * As {@link Actor#pickUp}, by name.
   *
   * @param address the actor's
   * @param method the name of the method that the message was of
   * @param messageId the id of the message
   * @return the response in protobuf's JSON, which can be waited for
   */
  public PendingReply<String> pickUpJson(Address address, String method, String messageId) {
    return new PendingReply<>(new Route<>(this, address, method, Format.JSON), messageId);
  }

  /**
   * As {@link Actor#pickUp}, by name.
   *
   * @param address the actor's
   * @param messageId the id of the message
   * @return the response in protobuf's encoding, which can be waited for
   */
  public PendingReply<ByteString> pickUpEncoded(Address address, String messageId) {
    return new PendingReply<>(new Route<>(this, address, "", Format.ENCODED), messageId);
  }

  /**
   * Asks several messages at once, 1 to 100 of at most 4 MiB in all, for as long as an ask may take
   * (30 s unless it is set). Those to one actor are handled in any order.
   *
   * <p>At the deadline what has come has come: the others have failed with {@link
   * CallboardException.DeadlineExceeded}, and the ids of their messages. Each message is tried
   * again as one that is asked alone; timeouts of their own do not count.
   *
   * @param <R> what the methods' responses have in common
   * @param messages what to ask
   * @return the results, in the order of the messages
   * @throws CallboardException.Cancelled when the thread is interrupted
   */
  public <R> List<Result<R>> askMany(List<? extends Message<? extends R>> messages) {
    return askMany(messages, askTimeout());
  }

  /**
   * As {@link #askMany(List)}, with a deadline of its own.
   *
   * @param <R> what the methods' responses have in common
   * @param messages what to ask
   * @param timeout how long it may take
   * @return the results, in the order of the messages
   * @throws CallboardException.Cancelled when the thread is interrupted
   */
  public <R> List<Result<R>> askMany(
      List<? extends Message<? extends R>> messages, Duration timeout) {
    return new AskMany<R>(this, messages, timeout).send().block();
  }

  /**
   * As {@link #askMany(List)}, without blocking.
   *
   * @param <R> what the methods' responses have in common
   * @param messages what to ask
   * @return the results, in the order of the messages
   */
  public <R> CompletableFuture<List<Result<R>>> askManyAsync(
      List<? extends Message<? extends R>> messages) {
    return askManyAsync(messages, askTimeout());
  }

  /**
   * As {@link #askMany(List, Duration)}, without blocking.
   *
   * @param <R> what the methods' responses have in common
   * @param messages what to ask
   * @param timeout how long it may take
   * @return the results, in the order of the messages
   */
  public <R> CompletableFuture<List<Result<R>>> askManyAsync(
      List<? extends Message<? extends R>> messages, Duration timeout) {
    return new AskMany<R>(this, messages, timeout).send();
  }

  /**
   * Cancels a delayed message that is not yet due.
   *
   * @param address the actor's: {@link Message#address}
   * @param messageId the id of the message
   * @return false when none of this id waits there: it is delivered already, or cancelled, or was
   *     never sent
   * @throws CallboardException when it is not known
   */
  public boolean cancel(Address address, String messageId) {
    return cancelling(address, messageId).block();
  }

  /**
   * As {@link #cancel}, without blocking.
   *
   * @param address the actor's: {@link Message#address}
   * @param messageId the id of the message
   * @return false when none of this id waits there
   */
  public CompletableFuture<Boolean> cancelAsync(Address address, String messageId) {
    return cancelling(address, messageId).send();
  }

  /**
   * Makes a stream of tells, which connects with its first message.
   *
   * @return the stream
   */
  public TellStream tellStream() {
    return new TellStream(this);
  }

  /**
   * Ends the client. Calls that are open get two seconds to end by themselves; what is open then
   * fails with {@link CallboardException.Cancelled}, and so does every further call. Messages that
   * were sent are processed all the same. To close it again does nothing.
   */
  @Override
  public void close() {
    openCalls.close(CLOSE_GRACE);
    timer.shutdown();
    connection.shutdownNow();
    try {
      connection.awaitTermination(CLOSE_CONNECTION.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** What calls go through, with who calls. */
  Channel channel() {
    return channel;
  }

  /** What calls by name go through. */
  Channel gateway() {
    return gateway;
  }

  OpenCalls openCalls() {
    return openCalls;
  }

  RetryPolicy retry() {
    return settings.retry;
  }

  Duration askTimeout() {
    return settings.askTimeout;
  }

  Duration tellTimeout() {
    return settings.tellTimeout;
  }

  /** In [0, 1). */
  double random() {
    return ThreadLocalRandom.current().nextDouble();
  }

  /** Does something after a wait, and has a connection that broke made again meanwhile. */
  Future<?> later(Duration wait, Runnable what) {
    connection.resetConnectBackoff();
    return timer.schedule(what, wait.toNanos(), TimeUnit.NANOSECONDS);
  }

  private Invocation<CancelRequest, CancelResponse, Boolean> cancelling(
      Address address, String messageId) {
    return new Invocation<>(
        gateway,
        GatewayGrpc.getCancelMethod(),
        CallOptions.DEFAULT.withOption(CallOption.MESSAGE_ID, messageId),
        CancelRequest.newBuilder().setAddress(address.toProto()).setMessageId(messageId).build(),
        CancelResponse::getCancelled);
  }

  private static Thread newTimerThread(Runnable work) {
    Thread thread = new Thread(work, "callboard-timer");
    thread.setDaemon(true);
    return thread;
  }

  /** The settings of a client. */
  public static final class Builder {
    private final Transport transport;
    private Duration askTimeout = Duration.ofSeconds(30);
    private Duration tellTimeout = Duration.ofSeconds(10);
    private RetryPolicy retry = RetryPolicy.DEFAULT;

    private Builder(String url) {
      this.transport = new Transport(url);
    }

    /**
     * Sets the deadline of asks that have none, all attempts together: 30 s unless set here. The
     * gateway keeps at most 24 h; a longer one counts as that.
     *
     * @param timeout more than nothing
     * @return this
     */
    public Builder askTimeout(Duration timeout) {
      askTimeout = positive("ask timeout", timeout);
      return this;
    }

    /**
     * Sets the deadline of tells that have none, all attempts together: 10 s unless set here.
     *
     * @param timeout more than nothing
     * @return this
     */
    public Builder tellTimeout(Duration timeout) {
      tellTimeout = positive("tell timeout", timeout);
      return this;
    }

    /**
     * Sets how calls are tried again; {@link RetryPolicy#NONE} to have them not tried again.
     *
     * @param policy {@link RetryPolicy#DEFAULT} unless set here
     * @return this
     */
    public Builder retry(RetryPolicy policy) {
      retry = policy;
      return this;
    }

    /**
     * Sets after which quiet a connection with open calls is pinged: 30 s unless set here.
     *
     * @param period 10 s at least
     * @return this
     */
    public Builder keepAlive(Duration period) {
      transport.keepAlive = positive("keepalive", period);
      return this;
    }

    /**
     * Sends a bearer token with each call, as {@code authorization: Bearer …}. Without TLS whoever
     * is on the way can read it.
     *
     * @param token the token
     * @return this
     */
    public Builder token(String token) {
      transport.token = token;
      return this;
    }

    /**
     * Asks for the bearer token before each attempt of a call, so that it can be renewed. When that
     * fails, the call does, with {@link CallboardException.Unauthenticated}.
     *
     * @param tokens gives the token; it should keep one while it is good, may block, and must be
     *     safe for use by several threads
     * @return this
     */
    public Builder token(Supplier<String> tokens) {
      transport.tokens = tokens;
      return this;
    }

    /**
     * Sends an API key with each call, as {@code callboard-api-key}. Without TLS whoever is on the
     * way can read it.
     *
     * @param key the API key
     * @return this
     */
    public Builder apiKey(String key) {
      transport.apiKey = key;
      return this;
    }

    /**
     * Trusts the certificates of a file, and no others; otherwise those are trusted that the Java
     * runtime trusts.
     *
     * @param file certificates in PEM
     * @return this
     */
    public Builder trustCertificates(Path file) {
      transport.trusted = file;
      return this;
    }

    /**
     * Shows the gateway a certificate: mutual TLS.
     *
     * @param certificate the certificate and those between it and its authority, in PEM
     * @param privateKey its key in PKCS#8 and PEM ({@code BEGIN PRIVATE KEY}), without a password
     * @return this
     */
    public Builder clientCertificate(Path certificate, Path privateKey) {
      transport.certificate = certificate;
      transport.privateKey = privateKey;
      return this;
    }

    /**
     * Sets what gRPC can set of its channel: an executor, interceptors, limits. It comes after what
     * this builder sets.
     *
     * @param configure is called when the client is made
     * @return this
     */
    public Builder configureChannel(Consumer<? super ManagedChannelBuilder<?>> configure) {
      transport.configure = configure;
      return this;
    }

    /**
     * Makes the client. It connects with the first call, and again after a connection broke. The
     * builder must not be used any more.
     *
     * @return the client
     * @throws IllegalArgumentException when the URL is not valid, or a file cannot be used
     */
    public CallboardClient build() {
      return new CallboardClient(this);
    }

    private static Duration positive(String what, Duration duration) {
      if (duration.isNegative() || duration.isZero()) {
        throw new IllegalArgumentException("the " + what + " must be more than nothing");
      }
      return duration;
    }
  }
}
