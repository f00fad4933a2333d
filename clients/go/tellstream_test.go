package callboard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

type (
	tellStream = grpc.BidiStreamingServer[pb.TellStreamRequest, pb.TellStreamResponse]
	deliveries []*callboard.Delivery
)

// tellAll tells a counter so many notes, with the ids prefix-0, prefix-1 and so on.
func tellAll(t *testing.T, stream *callboard.TellStream, counter counterpb.CounterClient, prefix string, count int) deliveries {
	t.Helper()
	var told deliveries
	for i := range count {
		id := callboard.MessageID(fmt.Sprintf("%s-%d", prefix, i))
		delivery, err := stream.Tell(t.Context(), callboard.NewMessage(counter.Note, &counterpb.NoteRequest{Delta: 1}, id))
		if err != nil {
			t.Fatal(err)
		}
		told = append(told, delivery)
	}
	return told
}

func receiptOf(t *testing.T, delivery *callboard.Delivery) *callboard.Receipt {
	t.Helper()
	receipt, err := delivery.Receipt(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if receipt.MessageID != delivery.MessageID() {
		t.Fatalf("%+v of %s", receipt, delivery.MessageID())
	}
	return receipt
}

func TestStreamKeepsItsOrder(t *testing.T) {
	client := newClient(t, gatewayURL)
	counter, _ := counterOf(t, client)
	stream := client.TellStream(t.Context())
	for i, delivery := range tellAll(t, stream, counter, "n", 300) {
		if receipt := receiptOf(t, delivery); receipt.Sequence != uint64(i+1) || receipt.Duplicate {
			t.Fatalf("%d: %+v", i, receipt)
		}
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	if value := valueOf(t, counter); value != 300 {
		t.Fatal(value)
	}
	_, err := stream.Tell(t.Context(), callboard.NewMessage(counter.Add, add(1)))
	failedWith(t, err, callboard.ErrCancelled)
}

func TestStreamTakesMessagesOfEveryKind(t *testing.T) {
	client := newClient(t, gatewayURL)
	counter, key := counterOf(t, client)
	stream := client.TellStream(t.Context())
	address := callboard.Address{Type: counterType, Key: key}
	for _, message := range []callboard.Sendable{
		callboard.NewMessage(counter.Add, add(1)),
		client.JSONMessage(address, "Add", []byte(`{"delta": 2}`)),
		client.EncodedMessage(address, "Note", nil),
	} {
		if _, err := stream.Tell(t.Context(), message); err != nil {
			t.Fatal(err)
		}
	}
	later, err := stream.Tell(t.Context(), callboard.NewMessage(counter.Add, add(4)), callboard.After(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if receipt := receiptOf(t, later); receipt.Sequence != 0 {
		t.Fatalf("%+v", receipt)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	if response, err := callboard.PickUp(counter.Add, later.MessageID()).Await(t.Context()); err != nil || response.GetValue() != 7 {
		t.Fatalf("%v, %v", response, err)
	}
}

func TestRefusedMessageFailsAlone(t *testing.T) {
	client := newClient(t, gatewayURL)
	counter, _ := counterOf(t, client)
	stream := client.TellStream(t.Context())
	before := tellAll(t, stream, counter, "before", 5)
	// The gateway knows the ids of messages that were handled.
	if _, err := callboard.PickUp(counter.Note, "before-4").Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	reused := callboard.NewMessage(counter.Add, add(100), callboard.MessageID("before-2"))
	withoutKey := callboard.NewMessage(counterpb.NewCounterClient(client.Actor()).Add, add(100))
	var refused deliveries
	for _, message := range []callboard.Sendable{reused, withoutKey} {
		delivery, err := stream.Tell(t.Context(), message)
		if err != nil {
			t.Fatal(err)
		}
		refused = append(refused, delivery)
	}
	after := tellAll(t, stream, counter, "after", 5)
	for _, delivery := range append(before, after...) {
		receiptOf(t, delivery)
	}
	_, err := refused[0].Receipt(t.Context())
	if failed := failedWith(t, err, callboard.ErrMessageIDReused); failed.MessageID != "before-2" {
		t.Fatalf("%+v", failed)
	}
	_, err = refused[1].Receipt(t.Context())
	failedWith(t, err, callboard.ErrInvalidRequest)
	failedWith(t, stream.Close(), callboard.ErrMessageIDReused)
	if value := valueOf(t, counter); value != 10 {
		t.Fatal(value)
	}
}

// cutter passes connections on, and breaks them.
type cutter struct {
	url   string
	mutex sync.Mutex
	conns []net.Conn
}

func newCutter(t *testing.T, target string) *cutter {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cutter := &cutter{url: "http://" + listener.Addr().String()}
	var passing sync.WaitGroup
	passing.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(target, "http://"))
			if err != nil {
				t.Error(err)
				_ = near.Close()
				return
			}
			cutter.mutex.Lock()
			cutter.conns = append(cutter.conns, near, far)
			cutter.mutex.Unlock()
			pass := func(to, from net.Conn) func() {
				return func() {
					// It ends with the connection, and so does its other half.
					_, _ = io.Copy(to, from)
					_, _ = to.Close(), from.Close()
				}
			}
			passing.Go(pass(near, far))
			passing.Go(pass(far, near))
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		cutter.cut()
		passing.Wait()
	})
	return cutter
}

func (c *cutter) cut() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

func TestBrokenStreamGoesOnInOrderAndOnce(t *testing.T) {
	cutter := newCutter(t, gatewayURL)
	client := newClient(t, cutter.url)
	counter, _ := counterOf(t, client)
	stream := client.TellStream(t.Context())
	var told deliveries
	for round := range 5 {
		told = append(told, tellAll(t, stream, counter, fmt.Sprintf("round-%d", round), 100)...)
		receiptOf(t, told[len(told)-90])
		cutter.cut()
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	// What was sent before and is a duplicate has no place; the others are in order.
	var sequences []uint64
	for _, delivery := range told {
		if receipt := receiptOf(t, delivery); !receipt.Duplicate {
			sequences = append(sequences, receipt.Sequence)
		}
	}
	if !slices.IsSorted(sequences) {
		t.Fatal(sequences)
	}
	if value := valueOf(t, counter); value != 500 {
		t.Fatal(value)
	}
}

// receipts answers each message of a stream, after before was called with its id.
func receipts(stream tellStream, before func(id string) error) error {
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		id := request.GetTell().GetMessage().GetMessageId()
		if err := before(id); err != nil {
			return err
		}
		if err := stream.Send(&pb.TellStreamResponse{Receipt: &pb.Receipt{MessageId: id}}); err != nil {
			return err
		}
	}
}

func TestTellWaitsWhileManyHaveNoReceipt(t *testing.T) {
	var came atomic.Int64
	release := make(chan struct{})
	server := serveFaults(t, &faults{tellStream: func(stream tellStream, _ int) error {
		all := make(chan string, 1_000)
		go func() {
			defer close(all)
			for {
				request, err := stream.Recv()
				if err != nil {
					return
				}
				came.Add(1)
				all <- request.GetTell().GetMessage().GetMessageId()
			}
		}()
		<-release
		for id := range all {
			if err := stream.Send(&pb.TellStreamResponse{Receipt: &pb.Receipt{MessageId: id}}); err != nil {
				return err
			}
		}
		return nil
	}})
	client := newClient(t, server.url)
	counter, _ := counterOf(t, client)
	stream := client.TellStream(t.Context())
	told := tellAll(t, stream, counter, "n", callboard.TellStreamWindow)
	full, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := stream.Tell(full, callboard.NewMessage(counter.Add, add(1)))
	failedWith(t, err, callboard.ErrDeadlineExceeded)
	if came.Load() != callboard.TellStreamWindow {
		t.Fatal(came.Load())
	}
	given, giveUp := context.WithCancel(t.Context())
	giveUp()
	_, err = told[0].Receipt(given)
	failedWith(t, err, callboard.ErrCancelled)
	close(release)
	told = append(told, tellAll(t, stream, counter, "m", 100)...)
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	for _, delivery := range told {
		select {
		case <-delivery.Done():
			receiptOf(t, delivery)
		default:
			t.Fatal("Close did not wait")
		}
	}
}

func TestStreamThatCannotBeOpenedFailsWhatItHas(t *testing.T) {
	server := serveFaults(t, &faults{tellStream: func(tellStream, int) error { return refuse(codes.Unavailable, 0) }})
	client := newClient(t, server.url, callboard.WithRetry(callboard.RetryPolicy{Attempts: 3, Base: 50 * time.Millisecond}))
	counter, _ := counterOf(t, client)
	stream := client.TellStream(t.Context())
	for i, delivery := range tellAll(t, stream, counter, "n", 3) {
		_, err := delivery.Receipt(t.Context())
		if failed := failedWith(t, err, callboard.ErrUnavailable); failed.MessageID != fmt.Sprintf("n-%d", i) {
			t.Fatalf("%+v", failed)
		}
	}
	failedWith(t, stream.Close(), callboard.ErrUnavailable)
}

func TestReceiptBeginsTheAttemptsAnew(t *testing.T) {
	const each = 3
	server := serveFaults(t, &faults{tellStream: func(stream tellStream, _ int) error {
		count := 0
		return receipts(stream, func(string) error {
			if count++; count > each {
				return status.Error(codes.Unavailable, "gone")
			}
			return nil
		})
	}})
	client := newClient(t, server.url, callboard.WithRetry(callboard.RetryPolicy{Attempts: 2, Base: time.Millisecond}))
	counter, _ := counterOf(t, client)
	stream := client.TellStream(t.Context())
	for _, delivery := range tellAll(t, stream, counter, "n", 10*each) {
		receiptOf(t, delivery)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	if count := len(server.attempts()); count < 10 {
		t.Fatal(count)
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	server := serveFaults(t, &faults{tellStream: func(stream tellStream, _ int) error {
		<-stream.Context().Done()
		return nil
	}})
	client := newClient(t, server.url)
	counter, _ := counterOf(t, client)
	ctx, cancel := context.WithCancel(t.Context())
	stream := client.TellStream(ctx)
	told := tellAll(t, stream, counter, "n", 3)
	cancel()
	for _, delivery := range told {
		_, err := delivery.Receipt(t.Context())
		failedWith(t, err, callboard.ErrCancelled)
	}
	_, err := stream.Tell(t.Context(), callboard.NewMessage(counter.Add, add(1)))
	failedWith(t, err, callboard.ErrCancelled)
	failedWith(t, stream.Close(), callboard.ErrCancelled)
}

func TestClosedClientFailsWhatHasNoReceipt(t *testing.T) {
	server := serveFaults(t, &faults{tellStream: func(stream tellStream, _ int) error {
		<-stream.Context().Done()
		return nil
	}})
	client := newClient(t, server.url)
	counter, _ := counterOf(t, client)
	told := tellAll(t, client.TellStream(t.Context()), counter, "n", 3)
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	for _, delivery := range told {
		_, err := delivery.Receipt(t.Context())
		failedWith(t, err, callboard.ErrCancelled)
	}
}

func TestSeveralGoroutinesShareAStream(t *testing.T) {
	client := newClient(t, gatewayURL)
	counter, _ := counterOf(t, client)
	stream := client.TellStream(t.Context())
	var telling sync.WaitGroup
	for range 8 {
		telling.Go(func() {
			for range 25 {
				if _, err := stream.Tell(context.Background(), callboard.NewMessage(counter.Add, add(1))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	telling.Wait()
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	if value := valueOf(t, counter); value != 200 {
		t.Fatal(value)
	}
}
