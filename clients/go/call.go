package callboard

import (
	"context"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

// call is one call of the gateway, with all of its attempts.
type call struct {
	path      string
	timeout   time.Duration // when the context has no deadline
	messageID string        // what errors tell
	headers   []string      // names and values in turn
	options   []grpc.CallOption
}

// invoke makes a call. The receipt of one that failed is in its error.
func (c *Client) invoke(ctx context.Context, call call, request, reply any) (*Receipt, error) {
	if err := c.begin(call.messageID); err != nil {
		return nil, err
	}
	defer c.end()
	ctx, cancel := withDefaultTimeout(ctx, call.timeout)
	defer cancel()
	ctx = traced(metadata.AppendToOutgoingContext(ctx, call.headers...))
	for attempt := 1; ; attempt++ {
		receipt, failed := c.attempt(ctx, call, request, reply)
		if failed == nil {
			return receipt, nil
		}
		wait, again := c.settings.retry.wait(attempt, failed, random())
		if !again || isBeyondDeadline(ctx, wait) {
			return nil, failed
		}
		if err := c.pause(ctx, wait); err != nil {
			return nil, c.failed(err, call.messageID, nil)
		}
	}
}

func (c *Client) attempt(ctx context.Context, call call, request, reply any) (*Receipt, *Error) {
	var header, trailer metadata.MD
	options := slices.Concat(call.options, []grpc.CallOption{grpc.Header(&header), grpc.Trailer(&trailer)})
	err := c.conn.Invoke(ctx, call.path, request, reply, options...)
	receipt := receiptOf(header)
	if err == nil {
		return receipt, nil
	}
	if receipt == nil {
		// An answer that is only a status has all of its headers in the trailers.
		receipt = receiptOf(trailer)
	}
	return nil, c.failed(err, call.messageID, receipt)
}

// failed reads the error of an attempt.
func (c *Client) failed(err error, messageID string, receipt *Receipt) *Error {
	failed := newError(err, messageID, receipt)
	isTorn := failed.Domain == "" && (failed.Code == codes.Unavailable || failed.Code == codes.Canceled)
	if isTorn && c.isClosed() {
		failed = newLocalError(codes.Canceled, "the client was closed before the answer came")
		failed.MessageID = messageID
	}
	return failed
}

// pause waits before the next attempt. It fails when the call ends meanwhile.
func (c *Client) pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.life.Done():
		return c.life.Err()
	}
}

// isBeyondDeadline tells whether a wait ends after the call.
func isBeyondDeadline(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= wait
}

func withDefaultTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, timeout)
}

// byName is what the stub of callboard.v1.Gateway calls through: what such a call says of a message is in
// its request, and not in headers.
type byName struct {
	client *Client
}

func (b byName) Invoke(ctx context.Context, path string, request, reply any, options ...grpc.CallOption) error {
	timeout := b.client.settings.askTimeout
	if path == pb.Gateway_Tell_FullMethodName || path == pb.Gateway_Cancel_FullMethodName {
		timeout = b.client.settings.tellTimeout
	}
	given := given(options)
	call := call{path: path, timeout: timeout, messageID: given.messageID, options: options}
	_, err := b.client.invoke(ctx, call, request, reply)
	return err
}

// NewStream opens a stream. Who reads it sees to its end, and to the trace of its messages.
func (b byName) NewStream(
	ctx context.Context, desc *grpc.StreamDesc, path string, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	return b.client.conn.NewStream(ctx, desc, path, options...)
}
