package callboard

import (
	"strconv"
	"time"

	"google.golang.org/grpc"
)

// MessageID gives the message an id: 1 to 128 visible ASCII characters other than `/`, unique among the
// actor's messages. Sent again with it, also by another program, the message is handled once, for 24 hours.
// Without this option, or when it is empty, the message gets a UUID of version 7.
//
// It is an option of a stub's call, and of the message that [NewMessage] makes.
func MessageID(id string) grpc.CallOption {
	return callOption{apply: func(c *callOptions) { c.messageID = id }}
}

// After has the message delivered so much later, at most 366 days, to the millisecond. The call is then
// answered when the message is stored: the response of a stub's call has no fields.
func After(delay time.Duration) grpc.CallOption {
	return callOption{apply: func(c *callOptions) { c.delivery = &delivery{delay: delay} }}
}

// At has the message delivered at a time, at most 366 days from now; at once when it is over. As with
// [After], the call is answered when the message is stored.
func At(when time.Time) grpc.CallOption {
	return callOption{apply: func(c *callOptions) { c.delivery = &delivery{at: when} }}
}

// StoreReceipt puts what became of the message where receipt points to, when the call is over. It is left
// as it is when there is no receipt: after a read-only ask, or an error.
func StoreReceipt(receipt *Receipt) grpc.CallOption {
	return callOption{apply: func(c *callOptions) { c.receipt = receipt }}
}

// callOption is an option that gRPC does not know, and passes on.
type callOption struct {
	grpc.EmptyCallOption
	apply func(*callOptions)
}

// callOptions is what was given of a call.
type callOptions struct {
	messageID string
	delivery  *delivery
	receipt   *Receipt
	isTell    bool        // an ask is answered as a tell
	resolving *resolution // nothing is sent
}

// delivery says when a message is delivered.
type delivery struct {
	delay time.Duration
	at    time.Time // zero: after the delay
}

func given(options []grpc.CallOption) callOptions {
	var given callOptions
	for _, option := range options {
		if own, ok := option.(callOption); ok {
			own.apply(&given)
		}
	}
	return given
}

// asTell has an ask answered when it is stored.
func asTell() grpc.CallOption {
	return callOption{apply: func(c *callOptions) { c.isTell = true }}
}

// header is the delivery as a header.
func (d *delivery) header() (string, string) {
	if !d.at.IsZero() {
		return headerDeliverAt, d.at.UTC().Format(time.RFC3339Nano)
	}
	if d.delay%time.Second == 0 {
		return headerDelay, strconv.FormatInt(int64(d.delay/time.Second), 10) + "s"
	}
	return headerDelay, strconv.FormatInt(d.delay.Milliseconds(), 10) + "ms"
}

func (r *Receipt) storeIn(given callOptions) {
	if r != nil && given.receipt != nil {
		*given.receipt = *r
	}
}
