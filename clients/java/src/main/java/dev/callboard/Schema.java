package dev.callboard;

import com.google.protobuf.Descriptors.MethodDescriptor;
import dev.callboard.v1.OptionsProto;
import io.grpc.protobuf.ProtoMethodDescriptorSupplier;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What the {@code .proto} file of a generated stub says of a method.
 *
 * @param type the actor's type, as it is in addresses
 * @param isTell whether its caller is answered when the message is stored
 */
record Schema(String type, boolean isTell) {
  /** By the method's full name. */
  private static final Map<String, Schema> KNOWN = new ConcurrentHashMap<>();

  /** Reads the descriptor that generated code brings along; a lite stub has none. */
  static Schema of(io.grpc.MethodDescriptor<?, ?> method) {
    return KNOWN.computeIfAbsent(method.getFullMethodName(), name -> read(method));
  }

  private static Schema read(io.grpc.MethodDescriptor<?, ?> method) {
    if (!(method.getSchemaDescriptor() instanceof ProtoMethodDescriptorSupplier supplier)) {
      return new Schema(method.getServiceName(), false);
    }
    MethodDescriptor descriptor = supplier.getMethodDescriptor();
    String type = descriptor.getService().getOptions().getExtension(OptionsProto.actor).getType();
    return new Schema(
        type.isEmpty() ? method.getServiceName() : type,
        descriptor.getOptions().getExtension(OptionsProto.handler).getTell());
  }
}
