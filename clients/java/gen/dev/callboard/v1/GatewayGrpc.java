package dev.callboard.v1;

import static io.grpc.MethodDescriptor.generateFullMethodName;

/**
 * <pre>
 * Sends messages to actors, and gets their replies.
 * What these calls need is in their requests, so metadata whose name begins with
 * `callboard-` is refused. The trace context (`traceparent`, `tracestate`,
 * `baggage`) of a call travels with its messages.
 * </pre>
 */
@io.grpc.stub.annotations.GrpcGenerated
public final class GatewayGrpc {

  private GatewayGrpc() {}

  public static final java.lang.String SERVICE_NAME = "callboard.v1.Gateway";

  // Static method descriptors that strictly reflect the proto.
  private static volatile io.grpc.MethodDescriptor<dev.callboard.v1.TellRequest,
      dev.callboard.v1.TellResponse> getTellMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Tell",
      requestType = dev.callboard.v1.TellRequest.class,
      responseType = dev.callboard.v1.TellResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.callboard.v1.TellRequest,
      dev.callboard.v1.TellResponse> getTellMethod() {
    io.grpc.MethodDescriptor<dev.callboard.v1.TellRequest, dev.callboard.v1.TellResponse> getTellMethod;
    if ((getTellMethod = GatewayGrpc.getTellMethod) == null) {
      synchronized (GatewayGrpc.class) {
        if ((getTellMethod = GatewayGrpc.getTellMethod) == null) {
          GatewayGrpc.getTellMethod = getTellMethod =
              io.grpc.MethodDescriptor.<dev.callboard.v1.TellRequest, dev.callboard.v1.TellResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Tell"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.TellRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.TellResponse.getDefaultInstance()))
              .setSchemaDescriptor(new GatewayMethodDescriptorSupplier("Tell"))
              .build();
        }
      }
    }
    return getTellMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.callboard.v1.AskRequest,
      dev.callboard.v1.AskResponse> getAskMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Ask",
      requestType = dev.callboard.v1.AskRequest.class,
      responseType = dev.callboard.v1.AskResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.callboard.v1.AskRequest,
      dev.callboard.v1.AskResponse> getAskMethod() {
    io.grpc.MethodDescriptor<dev.callboard.v1.AskRequest, dev.callboard.v1.AskResponse> getAskMethod;
    if ((getAskMethod = GatewayGrpc.getAskMethod) == null) {
      synchronized (GatewayGrpc.class) {
        if ((getAskMethod = GatewayGrpc.getAskMethod) == null) {
          GatewayGrpc.getAskMethod = getAskMethod =
              io.grpc.MethodDescriptor.<dev.callboard.v1.AskRequest, dev.callboard.v1.AskResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Ask"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.AskRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.AskResponse.getDefaultInstance()))
              .setSchemaDescriptor(new GatewayMethodDescriptorSupplier("Ask"))
              .build();
        }
      }
    }
    return getAskMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.callboard.v1.TellStreamRequest,
      dev.callboard.v1.TellStreamResponse> getTellStreamMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "TellStream",
      requestType = dev.callboard.v1.TellStreamRequest.class,
      responseType = dev.callboard.v1.TellStreamResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
  public static io.grpc.MethodDescriptor<dev.callboard.v1.TellStreamRequest,
      dev.callboard.v1.TellStreamResponse> getTellStreamMethod() {
    io.grpc.MethodDescriptor<dev.callboard.v1.TellStreamRequest, dev.callboard.v1.TellStreamResponse> getTellStreamMethod;
    if ((getTellStreamMethod = GatewayGrpc.getTellStreamMethod) == null) {
      synchronized (GatewayGrpc.class) {
        if ((getTellStreamMethod = GatewayGrpc.getTellStreamMethod) == null) {
          GatewayGrpc.getTellStreamMethod = getTellStreamMethod =
              io.grpc.MethodDescriptor.<dev.callboard.v1.TellStreamRequest, dev.callboard.v1.TellStreamResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.BIDI_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "TellStream"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.TellStreamRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.TellStreamResponse.getDefaultInstance()))
              .setSchemaDescriptor(new GatewayMethodDescriptorSupplier("TellStream"))
              .build();
        }
      }
    }
    return getTellStreamMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.callboard.v1.AwaitRequest,
      dev.callboard.v1.AwaitResponse> getAwaitMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Await",
      requestType = dev.callboard.v1.AwaitRequest.class,
      responseType = dev.callboard.v1.AwaitResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.callboard.v1.AwaitRequest,
      dev.callboard.v1.AwaitResponse> getAwaitMethod() {
    io.grpc.MethodDescriptor<dev.callboard.v1.AwaitRequest, dev.callboard.v1.AwaitResponse> getAwaitMethod;
    if ((getAwaitMethod = GatewayGrpc.getAwaitMethod) == null) {
      synchronized (GatewayGrpc.class) {
        if ((getAwaitMethod = GatewayGrpc.getAwaitMethod) == null) {
          GatewayGrpc.getAwaitMethod = getAwaitMethod =
              io.grpc.MethodDescriptor.<dev.callboard.v1.AwaitRequest, dev.callboard.v1.AwaitResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Await"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.AwaitRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.AwaitResponse.getDefaultInstance()))
              .setSchemaDescriptor(new GatewayMethodDescriptorSupplier("Await"))
              .build();
        }
      }
    }
    return getAwaitMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.callboard.v1.AskManyRequest,
      dev.callboard.v1.AskManyResponse> getAskManyMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "AskMany",
      requestType = dev.callboard.v1.AskManyRequest.class,
      responseType = dev.callboard.v1.AskManyResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
  public static io.grpc.MethodDescriptor<dev.callboard.v1.AskManyRequest,
      dev.callboard.v1.AskManyResponse> getAskManyMethod() {
    io.grpc.MethodDescriptor<dev.callboard.v1.AskManyRequest, dev.callboard.v1.AskManyResponse> getAskManyMethod;
    if ((getAskManyMethod = GatewayGrpc.getAskManyMethod) == null) {
      synchronized (GatewayGrpc.class) {
        if ((getAskManyMethod = GatewayGrpc.getAskManyMethod) == null) {
          GatewayGrpc.getAskManyMethod = getAskManyMethod =
              io.grpc.MethodDescriptor.<dev.callboard.v1.AskManyRequest, dev.callboard.v1.AskManyResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.SERVER_STREAMING)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "AskMany"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.AskManyRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.AskManyResponse.getDefaultInstance()))
              .setSchemaDescriptor(new GatewayMethodDescriptorSupplier("AskMany"))
              .build();
        }
      }
    }
    return getAskManyMethod;
  }

  private static volatile io.grpc.MethodDescriptor<dev.callboard.v1.CancelRequest,
      dev.callboard.v1.CancelResponse> getCancelMethod;

  @io.grpc.stub.annotations.RpcMethod(
      fullMethodName = SERVICE_NAME + '/' + "Cancel",
      requestType = dev.callboard.v1.CancelRequest.class,
      responseType = dev.callboard.v1.CancelResponse.class,
      methodType = io.grpc.MethodDescriptor.MethodType.UNARY)
  public static io.grpc.MethodDescriptor<dev.callboard.v1.CancelRequest,
      dev.callboard.v1.CancelResponse> getCancelMethod() {
    io.grpc.MethodDescriptor<dev.callboard.v1.CancelRequest, dev.callboard.v1.CancelResponse> getCancelMethod;
    if ((getCancelMethod = GatewayGrpc.getCancelMethod) == null) {
      synchronized (GatewayGrpc.class) {
        if ((getCancelMethod = GatewayGrpc.getCancelMethod) == null) {
          GatewayGrpc.getCancelMethod = getCancelMethod =
              io.grpc.MethodDescriptor.<dev.callboard.v1.CancelRequest, dev.callboard.v1.CancelResponse>newBuilder()
              .setType(io.grpc.MethodDescriptor.MethodType.UNARY)
              .setFullMethodName(generateFullMethodName(SERVICE_NAME, "Cancel"))
              .setSampledToLocalTracing(true)
              .setRequestMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.CancelRequest.getDefaultInstance()))
              .setResponseMarshaller(io.grpc.protobuf.ProtoUtils.marshaller(
                  dev.callboard.v1.CancelResponse.getDefaultInstance()))
              .setSchemaDescriptor(new GatewayMethodDescriptorSupplier("Cancel"))
              .build();
        }
      }
    }
    return getCancelMethod;
  }

  /**
   * Creates a new async stub that supports all call types for the service
   */
  public static GatewayStub newStub(io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<GatewayStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<GatewayStub>() {
        @java.lang.Override
        public GatewayStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new GatewayStub(channel, callOptions);
        }
      };
    return GatewayStub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports all types of calls on the service
   */
  public static GatewayBlockingV2Stub newBlockingV2Stub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<GatewayBlockingV2Stub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<GatewayBlockingV2Stub>() {
        @java.lang.Override
        public GatewayBlockingV2Stub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new GatewayBlockingV2Stub(channel, callOptions);
        }
      };
    return GatewayBlockingV2Stub.newStub(factory, channel);
  }

  /**
   * Creates a new blocking-style stub that supports unary and streaming output calls on the service
   */
  public static GatewayBlockingStub newBlockingStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<GatewayBlockingStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<GatewayBlockingStub>() {
        @java.lang.Override
        public GatewayBlockingStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new GatewayBlockingStub(channel, callOptions);
        }
      };
    return GatewayBlockingStub.newStub(factory, channel);
  }

  /**
   * Creates a new ListenableFuture-style stub that supports unary calls on the service
   */
  public static GatewayFutureStub newFutureStub(
      io.grpc.Channel channel) {
    io.grpc.stub.AbstractStub.StubFactory<GatewayFutureStub> factory =
      new io.grpc.stub.AbstractStub.StubFactory<GatewayFutureStub>() {
        @java.lang.Override
        public GatewayFutureStub newStub(io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
          return new GatewayFutureStub(channel, callOptions);
        }
      };
    return GatewayFutureStub.newStub(factory, channel);
  }

  /**
   * <pre>
   * Sends messages to actors, and gets their replies.
   * What these calls need is in their requests, so metadata whose name begins with
   * `callboard-` is refused. The trace context (`traceparent`, `tracestate`,
   * `baggage`) of a call travels with its messages.
   * </pre>
   */
  public interface AsyncService {

    /**
     * <pre>
     * Sends a message. It is answered when the message is durable, also when the
     * method is an ask: then its reply is stored, and Await gets it.
     * Idempotent for a message with an id.
     * </pre>
     */
    default void tell(dev.callboard.v1.TellRequest request,
        io.grpc.stub.StreamObserver<dev.callboard.v1.TellResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getTellMethod(), responseObserver);
    }

    /**
     * <pre>
     * Sends a message, and waits for the actor's reply, at most until the call's
     * deadline (30 s without one). After that the message is still processed, and
     * Await gets the reply.
     * Idempotent for a message with an id.
     * </pre>
     */
    default void ask(dev.callboard.v1.AskRequest request,
        io.grpc.stub.StreamObserver<dev.callboard.v1.AskResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getAskMethod(), responseObserver);
    }

    /**
     * <pre>
     * Sends messages, and tells in the same order that each is durable. A message
     * need not wait for the receipt of the one before: those to one actor are
     * nevertheless handled in the order of the stream.
     * The first message that is refused ends the stream with its status, after the
     * receipts of all before it. Of those after it none to the same actor is
     * stored, unless it may be stored itself, as its status then says;
     * some to other actors may be. So the number of receipts tells where to
     * go on: open a new stream, also when the connection broke, and send again what
     * has no receipt, with the same ids. What was stored already is not handled
     * twice, and its receipt says `duplicate`.
     * A caller that does not read its receipts is not read from, after 64 messages.
     * </pre>
     */
    default io.grpc.stub.StreamObserver<dev.callboard.v1.TellStreamRequest> tellStream(
        io.grpc.stub.StreamObserver<dev.callboard.v1.TellStreamResponse> responseObserver) {
      return io.grpc.stub.ServerCalls.asyncUnimplementedStreamingCall(getTellStreamMethod(), responseObserver);
    }

    /**
     * <pre>
     * Waits for the reply to a message that was sent before, by whomever and
     * through whichever gateway, at most until the call's deadline (30 s without
     * one). It ends as the ask would have. Replies are kept for 24 hours.
     * The message need not have arrived yet. DEADLINE_EXCEEDED with the reason
     * ASK_TIMEOUT means that no reply is stored; it does not tell whether there is
     * such a message.
     * </pre>
     */
    default void await(dev.callboard.v1.AwaitRequest request,
        io.grpc.stub.StreamObserver<dev.callboard.v1.AwaitResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getAwaitMethod(), responseObserver);
    }

    /**
     * <pre>
     * Sends several asks at once, and tells each result as it comes. Shortly before
     * the call's deadline the rest is told to have timed out, each with its message
     * id, and the stream ends with OK: what came in time is not lost because of
     * what did not.
     * A stream rather than one response, because the first result need not wait for
     * the last, and because a hundred replies would exceed what a client takes in
     * one message.
     * </pre>
     */
    default void askMany(dev.callboard.v1.AskManyRequest request,
        io.grpc.stub.StreamObserver<dev.callboard.v1.AskManyResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getAskManyMethod(), responseObserver);
    }

    /**
     * <pre>
     * Cancels a delayed message that is not yet due.
     * Idempotent, but for its answer: a second time there is nothing to cancel.
     * </pre>
     */
    default void cancel(dev.callboard.v1.CancelRequest request,
        io.grpc.stub.StreamObserver<dev.callboard.v1.CancelResponse> responseObserver) {
      io.grpc.stub.ServerCalls.asyncUnimplementedUnaryCall(getCancelMethod(), responseObserver);
    }
  }

  /**
   * Base class for the server implementation of the service Gateway.
   * <pre>
   * Sends messages to actors, and gets their replies.
   * What these calls need is in their requests, so metadata whose name begins with
   * `callboard-` is refused. The trace context (`traceparent`, `tracestate`,
   * `baggage`) of a call travels with its messages.
   * </pre>
   */
  public static abstract class GatewayImplBase
      implements io.grpc.BindableService, AsyncService {

    @java.lang.Override public final io.grpc.ServerServiceDefinition bindService() {
      return GatewayGrpc.bindService(this);
    }
  }

  /**
   * A stub to allow clients to do asynchronous rpc calls to service Gateway.
   * <pre>
   * Sends messages to actors, and gets their replies.
   * What these calls need is in their requests, so metadata whose name begins with
   * `callboard-` is refused. The trace context (`traceparent`, `tracestate`,
   * `baggage`) of a call travels with its messages.
   * </pre>
   */
  public static final class GatewayStub
      extends io.grpc.stub.AbstractAsyncStub<GatewayStub> {
    private GatewayStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected GatewayStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new GatewayStub(channel, callOptions);
    }

    /**
     * <pre>
     * Sends a message. It is answered when the message is durable, also when the
     * method is an ask: then its reply is stored, and Await gets it.
     * Idempotent for a message with an id.
     * </pre>
     */
    public void tell(dev.callboard.v1.TellRequest request,
        io.grpc.stub.StreamObserver<dev.callboard.v1.TellResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getTellMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Sends a message, and waits for the actor's reply, at most until the call's
     * deadline (30 s without one). After that the message is still processed, and
     * Await gets the reply.
     * Idempotent for a message with an id.
     * </pre>
     */
    public void ask(dev.callboard.v1.AskRequest request,
        io.grpc.stub.StreamObserver<dev.callboard.v1.AskResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getAskMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Sends messages, and tells in the same order that each is durable. A message
     * need not wait for the receipt of the one before: those to one actor are
     * nevertheless handled in the order of the stream.
     * The first message that is refused ends the stream with its status, after the
     * receipts of all before it. Of those after it none to the same actor is
     * stored, unless it may be stored itself, as its status then says;
     * some to other actors may be. So the number of receipts tells where to
     * go on: open a new stream, also when the connection broke, and send again what
     * has no receipt, with the same ids. What was stored already is not handled
     * twice, and its receipt says `duplicate`.
     * A caller that does not read its receipts is not read from, after 64 messages.
     * </pre>
     */
    public io.grpc.stub.StreamObserver<dev.callboard.v1.TellStreamRequest> tellStream(
        io.grpc.stub.StreamObserver<dev.callboard.v1.TellStreamResponse> responseObserver) {
      return io.grpc.stub.ClientCalls.asyncBidiStreamingCall(
          getChannel().newCall(getTellStreamMethod(), getCallOptions()), responseObserver);
    }

    /**
     * <pre>
     * Waits for the reply to a message that was sent before, by whomever and
     * through whichever gateway, at most until the call's deadline (30 s without
     * one). It ends as the ask would have. Replies are kept for 24 hours.
     * The message need not have arrived yet. DEADLINE_EXCEEDED with the reason
     * ASK_TIMEOUT means that no reply is stored; it does not tell whether there is
     * such a message.
     * </pre>
     */
    public void await(dev.callboard.v1.AwaitRequest request,
        io.grpc.stub.StreamObserver<dev.callboard.v1.AwaitResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getAwaitMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Sends several asks at once, and tells each result as it comes. Shortly before
     * the call's deadline the rest is told to have timed out, each with its message
     * id, and the stream ends with OK: what came in time is not lost because of
     * what did not.
     * A stream rather than one response, because the first result need not wait for
     * the last, and because a hundred replies would exceed what a client takes in
     * one message.
     * </pre>
     */
    public void askMany(dev.callboard.v1.AskManyRequest request,
        io.grpc.stub.StreamObserver<dev.callboard.v1.AskManyResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncServerStreamingCall(
          getChannel().newCall(getAskManyMethod(), getCallOptions()), request, responseObserver);
    }

    /**
     * <pre>
     * Cancels a delayed message that is not yet due.
     * Idempotent, but for its answer: a second time there is nothing to cancel.
     * </pre>
     */
    public void cancel(dev.callboard.v1.CancelRequest request,
        io.grpc.stub.StreamObserver<dev.callboard.v1.CancelResponse> responseObserver) {
      io.grpc.stub.ClientCalls.asyncUnaryCall(
          getChannel().newCall(getCancelMethod(), getCallOptions()), request, responseObserver);
    }
  }

  /**
   * A stub to allow clients to do synchronous rpc calls to service Gateway.
   * <pre>
   * Sends messages to actors, and gets their replies.
   * What these calls need is in their requests, so metadata whose name begins with
   * `callboard-` is refused. The trace context (`traceparent`, `tracestate`,
   * `baggage`) of a call travels with its messages.
   * </pre>
   */
  public static final class GatewayBlockingV2Stub
      extends io.grpc.stub.AbstractBlockingStub<GatewayBlockingV2Stub> {
    private GatewayBlockingV2Stub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected GatewayBlockingV2Stub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new GatewayBlockingV2Stub(channel, callOptions);
    }

    /**
     * <pre>
     * Sends a message. It is answered when the message is durable, also when the
     * method is an ask: then its reply is stored, and Await gets it.
     * Idempotent for a message with an id.
     * </pre>
     */
    public dev.callboard.v1.TellResponse tell(dev.callboard.v1.TellRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getTellMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends a message, and waits for the actor's reply, at most until the call's
     * deadline (30 s without one). After that the message is still processed, and
     * Await gets the reply.
     * Idempotent for a message with an id.
     * </pre>
     */
    public dev.callboard.v1.AskResponse ask(dev.callboard.v1.AskRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getAskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends messages, and tells in the same order that each is durable. A message
     * need not wait for the receipt of the one before: those to one actor are
     * nevertheless handled in the order of the stream.
     * The first message that is refused ends the stream with its status, after the
     * receipts of all before it. Of those after it none to the same actor is
     * stored, unless it may be stored itself, as its status then says;
     * some to other actors may be. So the number of receipts tells where to
     * go on: open a new stream, also when the connection broke, and send again what
     * has no receipt, with the same ids. What was stored already is not handled
     * twice, and its receipt says `duplicate`.
     * A caller that does not read its receipts is not read from, after 64 messages.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<dev.callboard.v1.TellStreamRequest, dev.callboard.v1.TellStreamResponse>
        tellStream() {
      return io.grpc.stub.ClientCalls.blockingBidiStreamingCall(
          getChannel(), getTellStreamMethod(), getCallOptions());
    }

    /**
     * <pre>
     * Waits for the reply to a message that was sent before, by whomever and
     * through whichever gateway, at most until the call's deadline (30 s without
     * one). It ends as the ask would have. Replies are kept for 24 hours.
     * The message need not have arrived yet. DEADLINE_EXCEEDED with the reason
     * ASK_TIMEOUT means that no reply is stored; it does not tell whether there is
     * such a message.
     * </pre>
     */
    public dev.callboard.v1.AwaitResponse await(dev.callboard.v1.AwaitRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getAwaitMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends several asks at once, and tells each result as it comes. Shortly before
     * the call's deadline the rest is told to have timed out, each with its message
     * id, and the stream ends with OK: what came in time is not lost because of
     * what did not.
     * A stream rather than one response, because the first result need not wait for
     * the last, and because a hundred replies would exceed what a client takes in
     * one message.
     * </pre>
     */
    @io.grpc.ExperimentalApi("https://github.com/grpc/grpc-java/issues/10918")
    public io.grpc.stub.BlockingClientCall<?, dev.callboard.v1.AskManyResponse>
        askMany(dev.callboard.v1.AskManyRequest request) {
      return io.grpc.stub.ClientCalls.blockingV2ServerStreamingCall(
          getChannel(), getAskManyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels a delayed message that is not yet due.
     * Idempotent, but for its answer: a second time there is nothing to cancel.
     * </pre>
     */
    public dev.callboard.v1.CancelResponse cancel(dev.callboard.v1.CancelRequest request) throws io.grpc.StatusException {
      return io.grpc.stub.ClientCalls.blockingV2UnaryCall(
          getChannel(), getCancelMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do limited synchronous rpc calls to service Gateway.
   * <pre>
   * Sends messages to actors, and gets their replies.
   * What these calls need is in their requests, so metadata whose name begins with
   * `callboard-` is refused. The trace context (`traceparent`, `tracestate`,
   * `baggage`) of a call travels with its messages.
   * </pre>
   */
  public static final class GatewayBlockingStub
      extends io.grpc.stub.AbstractBlockingStub<GatewayBlockingStub> {
    private GatewayBlockingStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected GatewayBlockingStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new GatewayBlockingStub(channel, callOptions);
    }

    /**
     * <pre>
     * Sends a message. It is answered when the message is durable, also when the
     * method is an ask: then its reply is stored, and Await gets it.
     * Idempotent for a message with an id.
     * </pre>
     */
    public dev.callboard.v1.TellResponse tell(dev.callboard.v1.TellRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getTellMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends a message, and waits for the actor's reply, at most until the call's
     * deadline (30 s without one). After that the message is still processed, and
     * Await gets the reply.
     * Idempotent for a message with an id.
     * </pre>
     */
    public dev.callboard.v1.AskResponse ask(dev.callboard.v1.AskRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getAskMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Waits for the reply to a message that was sent before, by whomever and
     * through whichever gateway, at most until the call's deadline (30 s without
     * one). It ends as the ask would have. Replies are kept for 24 hours.
     * The message need not have arrived yet. DEADLINE_EXCEEDED with the reason
     * ASK_TIMEOUT means that no reply is stored; it does not tell whether there is
     * such a message.
     * </pre>
     */
    public dev.callboard.v1.AwaitResponse await(dev.callboard.v1.AwaitRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getAwaitMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Sends several asks at once, and tells each result as it comes. Shortly before
     * the call's deadline the rest is told to have timed out, each with its message
     * id, and the stream ends with OK: what came in time is not lost because of
     * what did not.
     * A stream rather than one response, because the first result need not wait for
     * the last, and because a hundred replies would exceed what a client takes in
     * one message.
     * </pre>
     */
    public java.util.Iterator<dev.callboard.v1.AskManyResponse> askMany(
        dev.callboard.v1.AskManyRequest request) {
      return io.grpc.stub.ClientCalls.blockingServerStreamingCall(
          getChannel(), getAskManyMethod(), getCallOptions(), request);
    }

    /**
     * <pre>
     * Cancels a delayed message that is not yet due.
     * Idempotent, but for its answer: a second time there is nothing to cancel.
     * </pre>
     */
    public dev.callboard.v1.CancelResponse cancel(dev.callboard.v1.CancelRequest request) {
      return io.grpc.stub.ClientCalls.blockingUnaryCall(
          getChannel(), getCancelMethod(), getCallOptions(), request);
    }
  }

  /**
   * A stub to allow clients to do ListenableFuture-style rpc calls to service Gateway.
   * <pre>
   * Sends messages to actors, and gets their replies.
   * What these calls need is in their requests, so metadata whose name begins with
   * `callboard-` is refused. The trace context (`traceparent`, `tracestate`,
   * `baggage`) of a call travels with its messages.
   * </pre>
   */
  public static final class GatewayFutureStub
      extends io.grpc.stub.AbstractFutureStub<GatewayFutureStub> {
    private GatewayFutureStub(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      super(channel, callOptions);
    }

    @java.lang.Override
    protected GatewayFutureStub build(
        io.grpc.Channel channel, io.grpc.CallOptions callOptions) {
      return new GatewayFutureStub(channel, callOptions);
    }

    /**
     * <pre>
     * Sends a message. It is answered when the message is durable, also when the
     * method is an ask: then its reply is stored, and Await gets it.
     * Idempotent for a message with an id.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.callboard.v1.TellResponse> tell(
        dev.callboard.v1.TellRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getTellMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Sends a message, and waits for the actor's reply, at most until the call's
     * deadline (30 s without one). After that the message is still processed, and
     * Await gets the reply.
     * Idempotent for a message with an id.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.callboard.v1.AskResponse> ask(
        dev.callboard.v1.AskRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getAskMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Waits for the reply to a message that was sent before, by whomever and
     * through whichever gateway, at most until the call's deadline (30 s without
     * one). It ends as the ask would have. Replies are kept for 24 hours.
     * The message need not have arrived yet. DEADLINE_EXCEEDED with the reason
     * ASK_TIMEOUT means that no reply is stored; it does not tell whether there is
     * such a message.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.callboard.v1.AwaitResponse> await(
        dev.callboard.v1.AwaitRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getAwaitMethod(), getCallOptions()), request);
    }

    /**
     * <pre>
     * Cancels a delayed message that is not yet due.
     * Idempotent, but for its answer: a second time there is nothing to cancel.
     * </pre>
     */
    public com.google.common.util.concurrent.ListenableFuture<dev.callboard.v1.CancelResponse> cancel(
        dev.callboard.v1.CancelRequest request) {
      return io.grpc.stub.ClientCalls.futureUnaryCall(
          getChannel().newCall(getCancelMethod(), getCallOptions()), request);
    }
  }

  private static final int METHODID_TELL = 0;
  private static final int METHODID_ASK = 1;
  private static final int METHODID_AWAIT = 2;
  private static final int METHODID_ASK_MANY = 3;
  private static final int METHODID_CANCEL = 4;
  private static final int METHODID_TELL_STREAM = 5;

  private static final class MethodHandlers<Req, Resp> implements
      io.grpc.stub.ServerCalls.UnaryMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ServerStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.ClientStreamingMethod<Req, Resp>,
      io.grpc.stub.ServerCalls.BidiStreamingMethod<Req, Resp> {
    private final AsyncService serviceImpl;
    private final int methodId;

    MethodHandlers(AsyncService serviceImpl, int methodId) {
      this.serviceImpl = serviceImpl;
      this.methodId = methodId;
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public void invoke(Req request, io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_TELL:
          serviceImpl.tell((dev.callboard.v1.TellRequest) request,
              (io.grpc.stub.StreamObserver<dev.callboard.v1.TellResponse>) responseObserver);
          break;
        case METHODID_ASK:
          serviceImpl.ask((dev.callboard.v1.AskRequest) request,
              (io.grpc.stub.StreamObserver<dev.callboard.v1.AskResponse>) responseObserver);
          break;
        case METHODID_AWAIT:
          serviceImpl.await((dev.callboard.v1.AwaitRequest) request,
              (io.grpc.stub.StreamObserver<dev.callboard.v1.AwaitResponse>) responseObserver);
          break;
        case METHODID_ASK_MANY:
          serviceImpl.askMany((dev.callboard.v1.AskManyRequest) request,
              (io.grpc.stub.StreamObserver<dev.callboard.v1.AskManyResponse>) responseObserver);
          break;
        case METHODID_CANCEL:
          serviceImpl.cancel((dev.callboard.v1.CancelRequest) request,
              (io.grpc.stub.StreamObserver<dev.callboard.v1.CancelResponse>) responseObserver);
          break;
        default:
          throw new AssertionError();
      }
    }

    @java.lang.Override
    @java.lang.SuppressWarnings("unchecked")
    public io.grpc.stub.StreamObserver<Req> invoke(
        io.grpc.stub.StreamObserver<Resp> responseObserver) {
      switch (methodId) {
        case METHODID_TELL_STREAM:
          return (io.grpc.stub.StreamObserver<Req>) serviceImpl.tellStream(
              (io.grpc.stub.StreamObserver<dev.callboard.v1.TellStreamResponse>) responseObserver);
        default:
          throw new AssertionError();
      }
    }
  }

  public static final io.grpc.ServerServiceDefinition bindService(AsyncService service) {
    return io.grpc.ServerServiceDefinition.builder(getServiceDescriptor())
        .addMethod(
          getTellMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.callboard.v1.TellRequest,
              dev.callboard.v1.TellResponse>(
                service, METHODID_TELL)))
        .addMethod(
          getAskMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.callboard.v1.AskRequest,
              dev.callboard.v1.AskResponse>(
                service, METHODID_ASK)))
        .addMethod(
          getTellStreamMethod(),
          io.grpc.stub.ServerCalls.asyncBidiStreamingCall(
            new MethodHandlers<
              dev.callboard.v1.TellStreamRequest,
              dev.callboard.v1.TellStreamResponse>(
                service, METHODID_TELL_STREAM)))
        .addMethod(
          getAwaitMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.callboard.v1.AwaitRequest,
              dev.callboard.v1.AwaitResponse>(
                service, METHODID_AWAIT)))
        .addMethod(
          getAskManyMethod(),
          io.grpc.stub.ServerCalls.asyncServerStreamingCall(
            new MethodHandlers<
              dev.callboard.v1.AskManyRequest,
              dev.callboard.v1.AskManyResponse>(
                service, METHODID_ASK_MANY)))
        .addMethod(
          getCancelMethod(),
          io.grpc.stub.ServerCalls.asyncUnaryCall(
            new MethodHandlers<
              dev.callboard.v1.CancelRequest,
              dev.callboard.v1.CancelResponse>(
                service, METHODID_CANCEL)))
        .build();
  }

  private static abstract class GatewayBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoFileDescriptorSupplier, io.grpc.protobuf.ProtoServiceDescriptorSupplier {
    GatewayBaseDescriptorSupplier() {}

    @java.lang.Override
    public com.google.protobuf.Descriptors.FileDescriptor getFileDescriptor() {
      return dev.callboard.v1.GatewayProto.getDescriptor();
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.ServiceDescriptor getServiceDescriptor() {
      return getFileDescriptor().findServiceByName("Gateway");
    }
  }

  private static final class GatewayFileDescriptorSupplier
      extends GatewayBaseDescriptorSupplier {
    GatewayFileDescriptorSupplier() {}
  }

  private static final class GatewayMethodDescriptorSupplier
      extends GatewayBaseDescriptorSupplier
      implements io.grpc.protobuf.ProtoMethodDescriptorSupplier {
    private final java.lang.String methodName;

    GatewayMethodDescriptorSupplier(java.lang.String methodName) {
      this.methodName = methodName;
    }

    @java.lang.Override
    public com.google.protobuf.Descriptors.MethodDescriptor getMethodDescriptor() {
      return getServiceDescriptor().findMethodByName(methodName);
    }
  }

  private static volatile io.grpc.ServiceDescriptor serviceDescriptor;

  public static io.grpc.ServiceDescriptor getServiceDescriptor() {
    io.grpc.ServiceDescriptor result = serviceDescriptor;
    if (result == null) {
      synchronized (GatewayGrpc.class) {
        result = serviceDescriptor;
        if (result == null) {
          serviceDescriptor = result = io.grpc.ServiceDescriptor.newBuilder(SERVICE_NAME)
              .setSchemaDescriptor(new GatewayFileDescriptorSupplier())
              .addMethod(getTellMethod())
              .addMethod(getAskMethod())
              .addMethod(getTellStreamMethod())
              .addMethod(getAwaitMethod())
              .addMethod(getAskManyMethod())
              .addMethod(getCancelMethod())
              .build();
        }
      }
    }
    return result;
  }
}
