package callboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
)

const counterType = "counter.v1.Counter"

func add(delta int64) *counterpb.AddRequest { return &counterpb.AddRequest{Delta: delta} }

// failedWith gives the error of this package, of the kind that is expected.
func failedWith(t *testing.T, err error, kind callboard.Kind) *callboard.Error {
	t.Helper()
	var failed *callboard.Error
	if !errors.As(err, &failed) {
		t.Fatalf("it is no *callboard.Error: %v", err)
	}
	if !errors.Is(err, kind) || failed.Kind != kind {
		t.Fatalf("it is not %q: %v", kind, err)
	}
	return failed
}

func TestStubCallsAnActorByItsKey(t *testing.T) {
	counter, _ := counterOf(t, newClient(t, gatewayURL))
	var receipt callboard.Receipt
	response, err := counter.Add(t.Context(), add(5), callboard.StoreReceipt(&receipt))
	if err != nil {
		t.Fatal(err)
	}
	if response.GetValue() != 5 || receipt.Sequence != 1 || receipt.Duplicate || receipt.MessageID == "" {
		t.Fatalf("%v, %+v", response, receipt)
	}
	read, err := counter.Get(t.Context(), &counterpb.GetRequest{})
	if err != nil || read.GetValue() != 5 {
		t.Fatalf("%v, %v", read, err)
	}
	if _, err := counter.Note(t.Context(), &counterpb.NoteRequest{Delta: 2}); err != nil {
		t.Fatal(err)
	}
	if value := valueOf(t, counter); value != 7 {
		t.Fatal(value)
	}
}

func TestKeyOfEveryKindIsTheSameActorInEachWay(t *testing.T) {
	client := newClient(t, gatewayURL)
	for name, key := range map[string]string{
		"plain":         newKey(t),
		"several parts": callboard.Key("eu/west", "50%", newKey(t)),
		"unicode":       "köln-日本-" + newKey(t),
		"spaces":        " " + newKey(t) + " ",
	} {
		t.Run(name, func(t *testing.T) {
			message := callboard.NewMessage(counterpb.NewCounterClient(client.Actor(key)).Add, add(5))
			if _, err := message.Ask(t.Context()); err != nil {
				t.Fatal(err)
			}
			// The same message by name is the same message.
			if result := callboard.AskMany(t.Context(), message)[0]; result.Err != nil || !result.Receipt.Duplicate {
				t.Fatalf("%+v", result)
			}
			inRequest := counterpb.NewCounterClient(client.Actor())
			response, err := inRequest.Add(t.Context(), &counterpb.AddRequest{Counter: key, Delta: 1})
			if err != nil || response.GetValue() != 6 {
				t.Fatalf("%v, %v", response, err)
			}
			named := client.JSONMessage(callboard.Address{Type: counterType, Key: key}, "Get", nil)
			if text, err := named.Ask(t.Context()); err != nil || !strings.Contains(string(text), `"6"`) {
				t.Fatalf("%s, %v", text, err)
			}
		})
	}
}

func TestKeyThatContradictsTheRequestIsRefused(t *testing.T) {
	client := newClient(t, gatewayURL)
	for _, key := range []string{"alice", "älice"} {
		counter := counterpb.NewCounterClient(client.Actor(key))
		_, err := counter.Add(t.Context(), &counterpb.AddRequest{Counter: "bob"})
		failedWith(t, err, callboard.ErrInvalidRequest)
	}
}

func TestMessageThatIsSentTwiceIsHandledOnce(t *testing.T) {
	counter, _ := counterOf(t, newClient(t, gatewayURL))
	var receipt callboard.Receipt
	for range 2 {
		response, err := counter.Add(t.Context(), add(5), callboard.MessageID("order-7"), callboard.StoreReceipt(&receipt))
		if err != nil || response.GetValue() != 5 {
			t.Fatalf("%v, %v", response, err)
		}
	}
	if !receipt.Duplicate || receipt.MessageID != "order-7" || receipt.Sequence != 0 {
		t.Fatalf("%+v", receipt)
	}
	_, err := counter.Add(t.Context(), add(6), callboard.MessageID("order-7"))
	failed := failedWith(t, err, callboard.ErrMessageIDReused)
	if failed.Metadata["message_id"] != "order-7" || failed.Domain != callboard.ErrorDomain {
		t.Fatalf("%+v", failed)
	}
}

func TestMessageKeepsItsID(t *testing.T) {
	counter, _ := counterOf(t, newClient(t, gatewayURL))
	message := callboard.NewMessage(counter.Add, add(5))
	told, err := message.Tell(t.Context())
	if err != nil || told.Sequence != 1 || told.MessageID != message.ID() {
		t.Fatalf("%+v, %v", told, err)
	}
	response, err := message.Ask(t.Context())
	if err != nil || response.GetValue() != 5 {
		t.Fatalf("%v, %v", response, err)
	}
	again, err := message.Tell(t.Context(), callboard.MessageID("another"))
	if err != nil || !again.Duplicate {
		t.Fatalf("%+v, %v", again, err)
	}
}

func TestFutureIsAwaitedAndPickedUpElsewhere(t *testing.T) {
	client := newClient(t, gatewayURL)
	counter, key := counterOf(t, client)
	future, err := callboard.NewMessage(counter.Add, add(5)).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if future.Address() != (callboard.Address{Type: counterType, Key: key}) {
		t.Fatal(future.Address())
	}
	for range 2 {
		if response, err := future.Await(t.Context()); err != nil || response.GetValue() != 5 {
			t.Fatalf("%v, %v", response, err)
		}
	}
	elsewhere := newClient(t, gatewayURL)
	stub := counterpb.NewCounterClient(elsewhere.Actor(key))
	if response, err := callboard.PickUp(stub.Add, future.MessageID()).Await(t.Context()); err != nil || response.GetValue() != 5 {
		t.Fatalf("%v, %v", response, err)
	}
	text, err := elsewhere.PickUpJSON(future.Address(), "Add", future.MessageID()).Await(t.Context())
	if err != nil || !strings.Contains(string(text), `"5"`) {
		t.Fatalf("%s, %v", text, err)
	}
	encoded, err := elsewhere.PickUpEncoded(future.Address(), future.MessageID()).Await(t.Context())
	var decoded counterpb.AddResponse
	if err != nil || proto.Unmarshal(encoded, &decoded) != nil || decoded.GetValue() != 5 {
		t.Fatalf("%v, %v", encoded, err)
	}
}

func TestFutureOfAKeyInTheRequestKnowsItsActor(t *testing.T) {
	client, key := newClient(t, gatewayURL), newKey(t)
	counter := counterpb.NewCounterClient(client.Actor())
	future, err := callboard.NewMessage(counter.Add, &counterpb.AddRequest{Counter: key, Delta: 3}).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if response, err := future.Await(t.Context()); err != nil || response.GetValue() != 3 {
		t.Fatalf("%v, %v", response, err)
	}
}

func TestWaitingIsGivenUpAndTheMessageIsHandledAllTheSame(t *testing.T) {
	counter, key := counterOf(t, newClient(t, gatewayURL))
	message := callboard.NewMessage(counter.Add, add(5))
	future := callboard.PickUp(counter.Add, message.ID())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := future.Await(ctx)
	failed := failedWith(t, err, callboard.ErrDeadlineExceeded)
	if failed.MessageID != message.ID() || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%+v", failed)
	}
	given, giveUp := context.WithCancel(t.Context())
	giveUp()
	_, err = future.Await(given)
	failedWith(t, err, callboard.ErrCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := message.Tell(t.Context()); err != nil {
		t.Fatal(err)
	}
	if response, err := future.Await(t.Context()); err != nil || response.GetValue() != 5 {
		t.Fatalf("%v of %s, %v", response, key, err)
	}
}

func TestDelayedMessageIsDeliveredLater(t *testing.T) {
	counter, _ := counterOf(t, newClient(t, gatewayURL))
	receipt, err := callboard.NewMessage(counter.Add, add(5)).Tell(t.Context(), callboard.After(300*time.Millisecond))
	if err != nil || receipt.Sequence != 0 {
		t.Fatalf("%+v, %v", receipt, err)
	}
	response, err := callboard.PickUp(counter.Add, receipt.MessageID).Await(t.Context())
	if err != nil || response.GetValue() != 5 {
		t.Fatalf("%v, %v", response, err)
	}
	// Of a stub's call, and for a time that is over.
	_, err = counter.Note(t.Context(), &counterpb.NoteRequest{Delta: 1}, callboard.At(time.Now().Add(-time.Hour)), callboard.MessageID("past"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := callboard.PickUp(counter.Note, "past").Await(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDelayedMessageIsCancelledOnce(t *testing.T) {
	client := newClient(t, gatewayURL)
	counter, key := counterOf(t, client)
	address := callboard.Address{Type: counterType, Key: key}
	for name, message := range map[string]interface {
		callboard.Sendable
		Tell(context.Context, ...grpc.CallOption) (*callboard.Receipt, error)
	}{
		"typed": callboard.NewMessage(counter.Add, add(5), callboard.After(time.Hour)),
		"named": client.JSONMessage(address, "Add", json.RawMessage(`{"delta": 5}`), callboard.At(time.Now().Add(time.Hour))),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := message.Tell(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, expected := range []bool{true, false} {
				if cancelled, err := client.Cancel(t.Context(), address, message.ID()); err != nil || cancelled != expected {
					t.Fatalf("%v, %v", cancelled, err)
				}
			}
			_, err := callboard.PickUp(counter.Add, message.ID()).Await(t.Context())
			failedWith(t, err, callboard.ErrMessageCancelled)
		})
	}
}

func TestMessageByNameIsAskedAndTold(t *testing.T) {
	client := newClient(t, gatewayURL)
	address := callboard.Address{Type: counterType, Key: newKey(t)}
	var receipt callboard.Receipt
	text, err := client.JSONMessage(address, "Add", json.RawMessage(`{"delta": "9007199254740993"}`)).
		Ask(t.Context(), callboard.StoreReceipt(&receipt))
	var response struct{ Value string }
	if err != nil || json.Unmarshal(text, &response) != nil || response.Value != "9007199254740993" || receipt.Sequence != 1 {
		t.Fatalf("%s, %+v, %v", text, receipt, err)
	}
	encoded, err := proto.Marshal(add(-3))
	if err != nil {
		t.Fatal(err)
	}
	told, err := client.EncodedMessage(address, "Add", encoded).Tell(t.Context())
	if err != nil || told.Sequence != 2 {
		t.Fatalf("%+v, %v", told, err)
	}
	future, err := client.EncodedMessage(address, "Add", nil).Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	encoded, err = future.Await(t.Context())
	var decoded counterpb.AddResponse
	if err != nil || proto.Unmarshal(encoded, &decoded) != nil || decoded.GetValue() != 9007199254740990 {
		t.Fatalf("%v, %v", encoded, err)
	}
	_, err = client.JSONMessage(address, "Nope", nil).Ask(t.Context())
	failed := failedWith(t, err, callboard.ErrUnknownMethod)
	if failed.Metadata["path"] != "/counter.v1.Counter/Nope" || status.Code(err) != codes.Unimplemented {
		t.Fatalf("%+v", failed)
	}
}

func TestSeveralAsksHaveTheirResultsInTheirOrder(t *testing.T) {
	client := newClient(t, gatewayURL)
	var asks []*callboard.Message[*counterpb.AddResponse]
	for i := range int64(20) {
		counter, _ := counterOf(t, client)
		asks = append(asks, callboard.NewMessage(counter.Add, add(i)))
	}
	withoutKey := counterpb.NewCounterClient(client.Actor())
	asks[7] = callboard.NewMessage(withoutKey.Add, add(7))
	for i, result := range callboard.AskMany(t.Context(), asks...) {
		if i == 7 {
			failed := failedWith(t, result.Err, callboard.ErrInvalidRequest)
			if failed.MessageID != asks[7].ID() || failed.Metadata["field"] != "counter" {
				t.Fatalf("%+v", failed)
			}
			continue
		}
		if result.Err != nil || result.Response.GetValue() != int64(i) || result.Receipt.MessageID != asks[i].ID() {
			t.Fatalf("%d: %+v", i, result)
		}
	}
	if results := callboard.AskMany[*counterpb.AddResponse](t.Context()); len(results) != 0 {
		t.Fatal(results)
	}
}

func TestMessageOfAnotherConnectionIsNotSent(t *testing.T) {
	conn, err := grpc.NewClient(strings.TrimPrefix(gatewayURL, "http://"),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client, key := newClient(t, gatewayURL), newKey(t)
	other := counterpb.NewCounterClient(conn)
	message := callboard.NewMessage(other.Add, &counterpb.AddRequest{Counter: key, Delta: 5})
	_, err = message.Ask(t.Context())
	failedWith(t, err, callboard.ErrInvalidRequest)
	_, err = message.Tell(t.Context())
	failedWith(t, err, callboard.ErrInvalidRequest)
	failedWith(t, callboard.AskMany(t.Context(), message)[0].Err, callboard.ErrInvalidRequest)
	_, err = client.TellStream(t.Context()).Tell(t.Context(), message)
	failedWith(t, err, callboard.ErrInvalidRequest)
	_, err = callboard.PickUp(other.Add, "1").Await(t.Context())
	failedWith(t, err, callboard.ErrInvalidRequest)
	if value := valueOf(t, counterpb.NewCounterClient(client.Actor(key))); value != 0 {
		t.Fatal("it was sent:", value)
	}
}

func TestIDThatNoHeaderCanHaveIsRefused(t *testing.T) {
	counter, _ := counterOf(t, newClient(t, gatewayURL))
	for _, id := range []string{"ä", "a\nb", "a/b", strings.Repeat("x", 129)} {
		_, err := counter.Add(t.Context(), add(1), callboard.MessageID(id))
		failed := failedWith(t, err, callboard.ErrInvalidRequest)
		if failed.Metadata["field"] != "callboard-message-id" {
			t.Fatalf("%+v", failed)
		}
	}
}

func TestManyGoroutinesShareAClient(t *testing.T) {
	counter, _ := counterOf(t, newClient(t, gatewayURL))
	done := make(chan error)
	for range 50 {
		go func() {
			_, err := counter.Add(context.Background(), add(1))
			done <- err
		}()
	}
	for range 50 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if value := valueOf(t, counter); value != 50 {
		t.Fatal(value)
	}
}
