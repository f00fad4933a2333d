package dev.callboard;

import io.grpc.Metadata;
import io.opentelemetry.api.baggage.propagation.W3CBaggagePropagator;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The trace context of the caller, where OpenTelemetry's API is installed: {@code traceparent},
 * {@code tracestate} and {@code baggage}, which the gateway passes on to actors.
 */
final class Traces {
  /** The most bytes of names and values that the headers of a message may have. */
  private static final int HEADER_BYTES_MAX = 8 * 1024;

  private static final boolean IS_INSTALLED = isInstalled();

  private Traces() {}

  /** The current trace context; empty when there is none. */
  static Map<String, String> current() {
    return IS_INSTALLED ? OpenTelemetry.current() : Map.of();
  }

  /**
   * The current trace context as headers of a message. The gateway refuses a message with more than
   * fits, so that loses the trace, and not the message.
   */
  static Map<String, String> ofMessage() {
    Map<String, String> found = current();
    Map<String, String> headers = new HashMap<>();
    int room = HEADER_BYTES_MAX;
    for (String name : List.of("traceparent", "tracestate", "baggage")) {
      String value = found.get(name);
      if (value != null && name.length() + value.length() <= room) {
        headers.put(name, value);
        room -= name.length() + value.length();
      }
    }
    return headers;
  }

  /** Puts the current trace context into the headers of a call. */
  static void addTo(Metadata headers) {
    current().forEach((name, value) -> headers.put(Headers.key(name), value));
  }

  private static boolean isInstalled() {
    try {
      Class.forName("io.opentelemetry.context.Context", false, Traces.class.getClassLoader());
      Class.forName(
          "io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator",
          false,
          Traces.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException e) {
      return false;
    }
  }

  /** Loaded only where it can be. */
  private static final class OpenTelemetry {
    static Map<String, String> current() {
      Context context = Context.current();
      if (context == Context.root()) {
        return Map.of();
      }
      Map<String, String> headers = new HashMap<>();
      W3CTraceContextPropagator.getInstance().inject(context, headers, Map::put);
      W3CBaggagePropagator.getInstance().inject(context, headers, Map::put);
      return headers;
    }
  }
}
