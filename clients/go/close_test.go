package callboard_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
)

func TestCloseLeavesNoGoroutines(t *testing.T) {
	before := goleak.IgnoreCurrent()
	client, err := callboard.NewClient(gatewayURL)
	if err != nil {
		t.Fatal(err)
	}
	counter, _ := counterOf(t, client)
	if _, err := counter.Add(t.Context(), add(1)); err != nil {
		t.Fatal(err)
	}
	callboard.AskMany(t.Context(), callboard.NewMessage(counter.Add, add(1)))
	// A stream that nobody closes, one that is closed, and one that was never used.
	for range 2 {
		stream := client.TellStream(t.Context())
		if _, err := stream.Tell(t.Context(), callboard.NewMessage(counter.Add, add(1))); err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
	}
	if err := client.TellStream(t.Context()).Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
	}
	goleak.VerifyNone(t, before)
}

func TestOpenCallsGetAMoment(t *testing.T) {
	begun := make(chan struct{})
	server := serveFaults(t, &faults{answer: func(context.Context, int) error {
		close(begun)
		time.Sleep(100 * time.Millisecond)
		return nil
	}})
	client := newClient(t, server.url)
	answered := make(chan error)
	go func() {
		_, err := counterpb.NewCounterClient(client.Actor("alice")).Add(context.Background(), add(1))
		answered <- err
	}()
	<-begun
	closed := make(chan error)
	go func() { closed <- client.Close() }()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
}

func TestOpenCallsDoNotHoldCloseUp(t *testing.T) {
	begun := make(chan struct{}, 9)
	server := serveFaults(t, &faults{answer: func(ctx context.Context, number int) error {
		begun <- struct{}{}
		return hang(ctx, number)
	}})
	client := newClient(t, server.url)
	counter := counterpb.NewCounterClient(client.Actor("alice"))
	answered := make(chan error)
	go func() {
		_, err := counter.Add(context.Background(), add(1), callboard.MessageID("order-7"))
		answered <- err
	}()
	<-begun
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if failed := failedWith(t, <-answered, callboard.ErrCancelled); failed.MessageID != "order-7" {
		t.Fatalf("%+v", failed)
	}
}

func TestCallThatWaitsForAnotherAttemptDoesNotHoldCloseUp(t *testing.T) {
	begun := make(chan struct{}, 9)
	server := serveFaults(t, &faults{answer: func(context.Context, int) error {
		begun <- struct{}{}
		return refuse(codes.Unavailable, 20*time.Second)
	}})
	client := newClient(t, server.url)
	answered := make(chan error)
	go func() {
		_, err := counterpb.NewCounterClient(client.Actor("alice")).Add(context.Background(), add(1))
		answered <- err
	}()
	<-begun
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	failedWith(t, <-answered, callboard.ErrCancelled)
}

func TestClosedClientSendsNothing(t *testing.T) {
	server := serveFaults(t, &faults{})
	client := newClient(t, server.url)
	counter := counterpb.NewCounterClient(client.Actor("alice"))
	stream := client.TellStream(t.Context())
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	message := callboard.NewMessage(counter.Add, add(1))
	_, err := message.Ask(t.Context())
	if failed := failedWith(t, err, callboard.ErrCancelled); failed.MessageID != message.ID() {
		t.Fatalf("%+v", failed)
	}
	failedWith(t, callboard.AskMany(t.Context(), message)[0].Err, callboard.ErrCancelled)
	_, err = stream.Tell(t.Context(), message)
	failedWith(t, err, callboard.ErrCancelled)
	if len(server.attempts()) != 0 {
		t.Fatal(server.attempts())
	}
}
