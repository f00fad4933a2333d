package dev.callboard;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.callboard.v1.FieldOptions;
import dev.callboard.v1.OptionsProto;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The key fields of requests, as options.proto says of {@code callboard.v1.field}: in the order of
 * the fields' numbers, those of a message in the place of the message.
 */
final class KeyFields {
  /** How many messages deep key fields lie at most, the request included. */
  private static final int DEPTH_MAX = 8;

  private static final Map<Descriptor, KeyFields> KNOWN = new ConcurrentHashMap<>();

  /** The ways to the key fields: the fields that lead to each, and itself. */
  private final List<List<FieldDescriptor>> ways = new ArrayList<>();

  private KeyFields(Descriptor request) {
    look(request, List.of(), List.of(request));
  }

  private static KeyFields of(Message request) {
    return KNOWN.computeIfAbsent(request.getDescriptorForType(), KeyFields::new);
  }

  private void look(Descriptor message, List<FieldDescriptor> way, List<Descriptor> within) {
    List<FieldDescriptor> fields = new ArrayList<>(message.getFields());
    fields.sort(Comparator.comparing(FieldDescriptor::getNumber));
    for (FieldDescriptor field : fields) {
      if (field.isRepeated() || field.getRealContainingOneof() != null) {
        continue;
      }
      FieldOptions options = field.getOptions().getExtension(OptionsProto.field);
      List<FieldDescriptor> next = append(way, field);
      if (field.getJavaType() != FieldDescriptor.JavaType.MESSAGE) {
        if (options.getKey()) {
          ways.add(next);
        }
        continue;
      }
      Descriptor inner = field.getMessageType();
      boolean namesAnotherActor = options.hasKey() && !options.getKey();
      if (!namesAnotherActor && next.size() < DEPTH_MAX && !within.contains(inner)) {
        look(inner, next, append(within, inner));
      }
    }
  }

  /**
   * A request with the key in its key fields.
   *
   * @throws CallboardException.InvalidRequest when it cannot be there, or the request has another
   */
  static Message fill(Message request, String key) {
    KeyFields fields = of(request);
    String[] parts = Key.parts(key, fields.ways.size());
    if (parts.length != fields.ways.size()) {
      throw invalid(
          "it has %d parts, and the request has %d key fields", parts.length, fields.ways.size());
    }
    Message.Builder filled = request.toBuilder();
    for (int i = 0; i < parts.length; i++) {
      set(filled, fields.ways.get(i), parts[i]);
    }
    return filled.build();
  }

  /** The key that a request has; empty when a part of it is missing. */
  static String read(Message request) {
    List<String> parts = new ArrayList<>();
    for (List<FieldDescriptor> way : of(request).ways) {
      Message message = request;
      for (FieldDescriptor outer : way.subList(0, way.size() - 1)) {
        message = (Message) message.getField(outer);
      }
      Optional<String> part = part(message, way.get(way.size() - 1));
      if (part.isEmpty()) {
        return "";
      }
      parts.add(part.get());
    }
    return Key.of(parts.toArray(String[]::new));
  }

  private static void set(Message.Builder message, List<FieldDescriptor> way, String part) {
    FieldDescriptor field = way.get(0);
    if (way.size() > 1) {
      Message.Builder inner = ((Message) message.getField(field)).toBuilder();
      set(inner, way.subList(1, way.size()), part);
      message.setField(field, inner.build());
      return;
    }
    Optional<String> present = part(message, field);
    if (present.isEmpty()) {
      message.setField(field, value(field, part));
    } else if (!present.get().equals(part)) {
      throw invalid("the request has another one in %s", field.getFullName());
    }
  }

  private static Optional<String> part(
      com.google.protobuf.MessageOrBuilder message, FieldDescriptor field) {
    if (field.hasPresence() && !message.hasField(field)) {
      return Optional.empty();
    }
    Object value = message.getField(field);
    boolean isMissing = value.equals(field.getDefaultValue()) && !field.hasPresence();
    return isMissing || "".equals(value) ? Optional.empty() : Optional.of(text(field, value));
  }

  private static String text(FieldDescriptor field, Object value) {
    return switch (field.getType()) {
      case UINT32, FIXED32 -> Integer.toUnsignedString((Integer) value);
      case UINT64, FIXED64 -> Long.toUnsignedString((Long) value);
      default -> value.toString();
    };
  }

  private static Object value(FieldDescriptor field, String part) {
    try {
      return switch (field.getType()) {
        case STRING -> part;
        case UINT32, FIXED32 -> Integer.parseUnsignedInt(part);
        case UINT64, FIXED64 -> Long.parseUnsignedLong(part);
        case INT32, SINT32, SFIXED32 -> Integer.parseInt(part);
        default -> Long.parseLong(part);
      };
    } catch (NumberFormatException e) {
      throw invalid("%s cannot have it", field.getFullName());
    }
  }

  private static CallboardException invalid(String detail, Object... values) {
    return CallboardException.invalid(Headers.KEY.name(), String.format(detail, values));
  }

  private static <T> List<T> append(List<T> list, T last) {
    List<T> longer = new ArrayList<>(list);
    longer.add(last);
    return longer;
  }
}
