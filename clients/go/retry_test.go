package callboard_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
)

// quick has short waits.
var quick = callboard.WithRetry(callboard.RetryPolicy{Base: time.Millisecond})

func TestMessageIsSentAgainWithItsID(t *testing.T) {
	for name, refused := range map[string]error{
		"unavailable":            refuse(codes.Unavailable, -1),
		"when RetryInfo says so": refuse(codes.ResourceExhausted, 0),
	} {
		t.Run(name, func(t *testing.T) {
			server := serveFaults(t, &faults{answer: first(4, refused)})
			counter := counterpb.NewCounterClient(newClient(t, server.url, quick).Actor("alice"))
			if _, err := counter.Add(t.Context(), add(1)); err != nil {
				t.Fatal(err)
			}
			seen := server.attempts()
			id, err := uuid.Parse(seen[0].header("callboard-message-id"))
			if len(seen) != 5 || err != nil || id.Version() != 7 {
				t.Fatal(seen, err)
			}
			for _, attempt := range seen {
				if attempt.header("callboard-message-id") != id.String() || attempt.header("callboard-key") != "alice" {
					t.Fatal(seen)
				}
			}
		})
	}
}

func TestAttemptsEndWithTheLastError(t *testing.T) {
	for _, attempts := range []int{1, 3, 5} {
		server := serveFaults(t, &faults{answer: first(9, refuse(codes.Unavailable, -1))})
		policy := callboard.RetryPolicy{Attempts: attempts, Base: time.Millisecond}
		counter := counterpb.NewCounterClient(newClient(t, server.url, callboard.WithRetry(policy)).Actor("alice"))
		_, err := counter.Add(t.Context(), add(1), callboard.MessageID("order-7"))
		if failed := failedWith(t, err, callboard.ErrUnavailable); failed.MessageID != "order-7" || len(server.attempts()) != attempts {
			t.Fatalf("%+v after %d attempts", failed, len(server.attempts()))
		}
	}
}

func TestOtherCodesAreNotTriedAgain(t *testing.T) {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		if code == codes.Unavailable {
			continue
		}
		server := serveFaults(t, &faults{answer: first(9, refuse(code, -1))})
		counter := counterpb.NewCounterClient(newClient(t, server.url, quick).Actor("alice"))
		if _, err := counter.Add(t.Context(), add(1)); err == nil || len(server.attempts()) != 1 {
			t.Fatalf("%v: %v after %d attempts", code, err, len(server.attempts()))
		}
	}
}

func TestDeadlineIsNotTriedAgainWhateverTheStatusSays(t *testing.T) {
	server := serveFaults(t, &faults{answer: first(9, refuse(codes.DeadlineExceeded, 0))})
	counter := counterpb.NewCounterClient(newClient(t, server.url, quick).Actor("alice"))
	_, err := counter.Add(t.Context(), add(1))
	failedWith(t, err, callboard.ErrDeadlineExceeded)
	if count := len(server.attempts()); count != 1 {
		t.Fatal(count)
	}
}

func TestGatewayIsNotAskedBeforeItWants(t *testing.T) {
	const delay = 200 * time.Millisecond
	server := serveFaults(t, &faults{answer: first(1, refuse(codes.ResourceExhausted, delay))})
	counter := counterpb.NewCounterClient(newClient(t, server.url, quick).Actor("alice"))
	if _, err := counter.Add(t.Context(), add(1)); err != nil {
		t.Fatal(err)
	}
	seen := server.attempts()
	if wait := seen[1].at.Sub(seen[0].at); wait < delay {
		t.Fatal(wait)
	}
}

func TestWaitBeyondTheDeadlineIsNotBegun(t *testing.T) {
	server := serveFaults(t, &faults{answer: first(9, refuse(codes.Unavailable, time.Hour))})
	counter := counterpb.NewCounterClient(newClient(t, server.url).Actor("alice"))
	_, err := counter.Add(t.Context(), add(1))
	failed := failedWith(t, err, callboard.ErrUnavailable)
	if delay, ok := failed.RetryDelay(); !ok || delay != time.Hour {
		t.Fatal(delay, ok)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := serveFaults(t, &faults{answer: func(context.Context, int) error {
		time.AfterFunc(50*time.Millisecond, cancel)
		return refuse(codes.Unavailable, 10*time.Second)
	}})
	counter := counterpb.NewCounterClient(newClient(t, server.url).Actor("alice"))
	_, err := counter.Add(ctx, add(1))
	failedWith(t, err, callboard.ErrCancelled)
}

func TestCallsHaveDeadlines(t *testing.T) {
	server := serveFaults(t, &faults{})
	for name, expected := range map[string]struct {
		call    func(counterpb.CounterClient) error
		timeout time.Duration
	}{
		"ask": {func(counter counterpb.CounterClient) error {
			_, err := counter.Add(t.Context(), add(1))
			return err
		}, 30 * time.Second},
		"tell": {func(counter counterpb.CounterClient) error {
			_, err := counter.Note(t.Context(), &counterpb.NoteRequest{})
			return err
		}, 10 * time.Second},
		"ask that is told": {func(counter counterpb.CounterClient) error {
			_, err := callboard.NewMessage(counter.Add, add(1)).Tell(t.Context())
			return err
		}, 10 * time.Second},
		"ask for later": {func(counter counterpb.CounterClient) error {
			_, err := counter.Add(t.Context(), add(1), callboard.After(time.Second))
			return err
		}, 10 * time.Second},
		"future": {func(counter counterpb.CounterClient) error {
			_, err := callboard.PickUp(counter.Add, "order-7").Await(t.Context())
			return err
		}, 30 * time.Second},
		"its own": {func(counter counterpb.CounterClient) error {
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			_, err := counter.Add(ctx, add(1))
			return err
		}, 4 * time.Second},
	} {
		client := newClient(t, server.url)
		if err := expected.call(counterpb.NewCounterClient(client.Actor("alice"))); err != nil {
			t.Fatal(name, err)
		}
		seen := server.attempts()
		left := seen[len(seen)-1].left
		if left > expected.timeout || left < expected.timeout-2*time.Second {
			t.Errorf("%s has %v left", name, left)
		}
	}
}

func TestDefaultDeadlinesAreOptions(t *testing.T) {
	server := serveFaults(t, &faults{answer: hang})
	client := newClient(t, server.url,
		callboard.WithAskTimeout(100*time.Millisecond), callboard.WithTellTimeout(50*time.Millisecond))
	counter := counterpb.NewCounterClient(client.Actor("alice"))
	_, err := counter.Add(t.Context(), add(1), callboard.MessageID("order-7"))
	if failed := failedWith(t, err, callboard.ErrDeadlineExceeded); failed.MessageID != "order-7" {
		t.Fatalf("%+v", failed)
	}
	_, err = counter.Note(t.Context(), &counterpb.NoteRequest{})
	failedWith(t, err, callboard.ErrDeadlineExceeded)
}

func TestDelayIsKeptToTheMillisecond(t *testing.T) {
	server := serveFaults(t, &faults{})
	counter := counterpb.NewCounterClient(newClient(t, server.url).Actor("alice"))
	at := time.Date(2030, 1, 31, 9, 0, 0, 0, time.FixedZone("CET", 3600))
	for _, option := range []struct {
		option      grpc.CallOption
		name, value string
	}{
		{callboard.After(90 * time.Second), "callboard-delay", "90s"},
		{callboard.After(61_001 * time.Millisecond), "callboard-delay", "61001ms"},
		{callboard.At(at), "callboard-deliver-at", "2030-01-31T08:00:00Z"},
	} {
		if _, err := counter.Note(t.Context(), &counterpb.NoteRequest{}, option.option); err != nil {
			t.Fatal(err)
		}
		seen := server.attempts()
		last := seen[len(seen)-1]
		if last.header(option.name) != option.value || last.header("callboard-mode") != "tell" {
			t.Fatal(last.metadata)
		}
	}
}
