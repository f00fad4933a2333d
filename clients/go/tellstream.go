package callboard

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

// TellStreamWindow is how many messages of a [TellStream] are without a receipt at most.
const TellStreamWindow = 64

// TellStream sends many messages in their order, without waiting for the receipt of each. Those to one
// actor are handled in the order of the stream.
//
// When the connection breaks, it connects again and sends what has no receipt, in order, with the same ids:
// each message is handled once. It may be used by several goroutines.
type TellStream struct {
	client *Client
	ctx    context.Context
	cancel context.CancelFunc
	room   chan struct{} // holds one for each message without a receipt
	done   chan struct{} // closed when nothing is sent any more

	mutex     sync.Mutex
	changed   *sync.Cond
	waiting   []*Delivery // without a receipt, in order
	sent      int         // how many of them the present connection has taken
	isStarted bool
	isClosed  bool
	failure   error // of the first message that failed
}

// Sendable is a [Message] with any response.
type Sendable interface {
	ID() string
	tellRequestOf(callOptions) (*pb.TellRequest, error)
}

// Delivery is a message on its way.
type Delivery struct {
	id      string
	request *pb.TellRequest
	done    chan struct{}
	receipt *Receipt
	err     error
}

// MessageID is the id of the message.
func (d *Delivery) MessageID() string { return d.id }

// Done is closed when it is known what became of the message.
func (d *Delivery) Done() <-chan struct{} { return d.done }

// Receipt waits until the message is stored, or refused. To give up, cancel the context: the message is on
// its way all the same. Its errors are of the type *[Error].
func (d *Delivery) Receipt(ctx context.Context) (*Receipt, error) {
	select {
	case <-d.done:
		return d.receipt, d.err
	case <-ctx.Done():
		return nil, newError(ctx.Err(), d.id, nil)
	}
}

// TellStream makes a stream, which connects with its first message. It ends with Close, and when its
// context is done or the client is closed; then what has no receipt fails.
func (c *Client) TellStream(ctx context.Context) *TellStream {
	ctx, cancel := context.WithCancel(ctx)
	stream := &TellStream{
		client: c,
		ctx:    ctx,
		cancel: cancel,
		room:   make(chan struct{}, TellStreamWindow),
		done:   make(chan struct{}),
	}
	stream.changed = sync.NewCond(&stream.mutex)
	return stream
}

// Tell sends a message, after those that were told before. It waits while 64 messages have no receipt, and
// not for the receipt of this one: that is the delivery's. [After] and [At] have it delivered later.
//
// It fails when the message cannot be written, the context is done before there is room, or the stream has
// ended. A message that the gateway refuses fails its own delivery, and the stream goes on.
func (s *TellStream) Tell(ctx context.Context, message Sendable, options ...grpc.CallOption) (*Delivery, error) {
	request, err := message.tellRequestOf(given(options))
	if err != nil {
		return nil, err
	}
	request.Message.Headers = messageHeaders(ctx)
	delivery := &Delivery{id: message.ID(), request: request, done: make(chan struct{})}
	select {
	case s.room <- struct{}{}:
	case <-ctx.Done():
		return nil, newError(ctx.Err(), delivery.id, nil)
	case <-s.ctx.Done():
		return nil, s.ended(delivery.id)
	}
	if err := s.accept(delivery); err != nil {
		<-s.room
		return nil, err
	}
	return delivery, nil
}

// Close waits until all messages have their receipts or have failed, ends the stream, and gives the error
// of the first message that failed. To end it at once, cancel the context that it was made with.
func (s *TellStream) Close() error {
	s.mutex.Lock()
	s.isClosed = true
	if !s.isStarted {
		s.isStarted = true
		close(s.done)
	}
	s.changed.Broadcast()
	s.mutex.Unlock()
	<-s.done
	s.cancel()
	return s.failure
}

// accept puts a delivery behind the others.
func (s *TellStream) accept(delivery *Delivery) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.isClosed || s.ctx.Err() != nil {
		return s.ended(delivery.id)
	}
	if !s.isStarted {
		if err := s.client.beginStream(delivery.id); err != nil {
			return err
		}
		s.isStarted = true
		go s.run()
	} else if err := s.client.begin(delivery.id); err != nil {
		return err
	}
	s.waiting = append(s.waiting, delivery)
	s.changed.Broadcast()
	return nil
}

// run connects as often as it must, until the stream ends.
func (s *TellStream) run() {
	defer s.client.streams.Done()
	defer close(s.done)
	defer context.AfterFunc(s.client.life, s.cancel)()
	defer s.wakeAtEndOf(s.ctx)()
	attempt := 1
	for s.awaitMessages() {
		isTold, failed := s.connect()
		if isTold {
			attempt = 1
		}
		if failed == nil || s.ctx.Err() != nil {
			continue
		}
		wait, again := s.client.settings.retry.wait(attempt, failed, random())
		switch {
		case again && !isBeyondDeadline(s.ctx, wait):
			attempt++
			// When it fails, the stream has ended, and so does the loop.
			_ = s.client.pause(s.ctx, wait)
		case failed.isRetryable():
			attempt = 1
			s.failAll(failed)
		default:
			// It is the first one that the gateway has refused.
			attempt = 1
			s.settle(nil, failed)
		}
	}
	s.mutex.Lock()
	s.isClosed = true
	s.mutex.Unlock()
	s.failAll(s.ended(""))
}

// awaitMessages waits until there is something to send; false when there never will be.
func (s *TellStream) awaitMessages() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for len(s.waiting) == 0 && !s.isClosed && s.ctx.Err() == nil {
		s.changed.Wait()
	}
	return len(s.waiting) > 0 && s.ctx.Err() == nil
}

// connect sends what waits and what comes, until the connection ends. It tells whether there were receipts,
// and why it ended; nil when everything is told and there will be no more.
func (s *TellStream) connect() (isTold bool, failed *Error) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	defer s.wakeAtEndOf(ctx)()
	stream, err := s.client.gateway.TellStream(ctx)
	if err != nil {
		return false, s.client.failed(err, "", nil)
	}
	s.mutex.Lock()
	s.sent = 0
	s.mutex.Unlock()
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		s.send(ctx, stream)
	}()
	for {
		answer, err := stream.Recv()
		if err == nil {
			isTold = true
			s.settle(receiptFrom(answer.GetReceipt()), nil)
			continue
		}
		cancel()
		<-sending
		if !errors.Is(err, io.EOF) {
			return isTold, s.client.failed(err, "", receiptOf(stream.Trailer()))
		}
		if s.awaitsReceipts() {
			return isTold, newLocalError(codes.Unavailable, "the stream ended before all receipts came")
		}
		return isTold, nil
	}
}

// send sends until there will be no more, or the connection is over; why it is over, the receiver learns.
func (s *TellStream) send(ctx context.Context, stream grpc.ClientStream) {
	for {
		delivery := s.next(ctx)
		if delivery == nil {
			// It fails only when the connection is over.
			_ = stream.CloseSend()
			return
		}
		if stream.SendMsg(&pb.TellStreamRequest{Tell: delivery.request}) != nil {
			return
		}
	}
}

// next waits for the next message to send; nil when there will be none.
func (s *TellStream) next(ctx context.Context) *Delivery {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for s.sent == len(s.waiting) && !s.isClosed && ctx.Err() == nil {
		s.changed.Wait()
	}
	if s.sent == len(s.waiting) || ctx.Err() != nil {
		return nil
	}
	s.sent++
	return s.waiting[s.sent-1]
}

func (s *TellStream) awaitsReceipts() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.waiting) > 0
}

// settle says what became of the first message that waits.
func (s *TellStream) settle(receipt *Receipt, failed *Error) {
	s.mutex.Lock()
	if len(s.waiting) == 0 {
		s.mutex.Unlock()
		return
	}
	delivery := s.waiting[0]
	s.waiting[0] = nil
	s.waiting = s.waiting[1:]
	s.sent = max(s.sent-1, 0)
	delivery.receipt = receipt
	if failed != nil {
		own := *failed
		own.MessageID = delivery.id
		delivery.err = &own
		if s.failure == nil {
			s.failure = delivery.err
		}
	}
	s.mutex.Unlock()
	close(delivery.done)
	<-s.room
	s.client.end()
}

func (s *TellStream) failAll(failed *Error) {
	for s.awaitsReceipts() {
		s.settle(nil, failed)
	}
}

// wakeAtEndOf wakes whoever waits for a change when a context is done; what it returns ends that.
func (s *TellStream) wakeAtEndOf(ctx context.Context) func() bool {
	return context.AfterFunc(ctx, func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.changed.Broadcast()
	})
}

// ended is why a message is not sent.
func (s *TellStream) ended(messageID string) *Error {
	failed := newLocalError(codes.Canceled, "the stream is closed")
	switch {
	case s.client.isClosed():
		failed = newLocalError(codes.Canceled, "the client is closed")
	case s.ctx.Err() != nil:
		failed = newError(s.ctx.Err(), "", nil)
	}
	failed.MessageID = messageID
	return failed
}
