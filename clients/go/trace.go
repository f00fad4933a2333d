package callboard

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/grpc/metadata"
)

// traceContext writes `traceparent`, `tracestate` and `baggage`: what the gateway passes on to actors.
var traceContext = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})

// traced puts the trace context of OpenTelemetry into the headers of a call. What the caller has put there
// already stays.
func traced(ctx context.Context) context.Context {
	headers := traceHeaders(ctx)
	if len(headers) == 0 {
		return ctx
	}
	given, _ := metadata.FromOutgoingContext(ctx)
	for name, value := range headers {
		if len(given.Get(name)) == 0 {
			ctx = metadata.AppendToOutgoingContext(ctx, name, value)
		}
	}
	return ctx
}

// headerBytesMax is how many bytes the names and values of the headers of a message may have.
const headerBytesMax = 8 << 10

// messageHeaders is the trace context as headers of a message. The gateway refuses a message with more than
// fits, so that loses the trace, and not the message.
func messageHeaders(ctx context.Context) map[string]string {
	found, headers, room := traceHeaders(ctx), map[string]string{}, headerBytesMax
	for _, name := range []string{"traceparent", "tracestate", "baggage"} {
		value := found[name]
		if size := len(name) + len(value); value != "" && size <= room {
			headers[name] = value
			room -= size
		}
	}
	return headers
}

// traceHeaders has the trace context of OpenTelemetry; it is empty when there is none.
func traceHeaders(ctx context.Context) map[string]string {
	headers := propagation.MapCarrier{}
	traceContext.Inject(ctx, headers)
	return headers
}
