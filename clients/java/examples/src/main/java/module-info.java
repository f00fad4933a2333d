/** The examples of the Java client. */
module dev.callboard.examples {
  requires com.google.common;
  // Guava needs it, and has no descriptor to say so.
  requires com.google.common.util.concurrent.internal;
  requires com.google.protobuf;
  requires dev.callboard.client;
  requires io.grpc;
  requires io.grpc.protobuf;
  requires io.grpc.stub;
  // Netty wants it.
  requires jdk.unsupported;
}
