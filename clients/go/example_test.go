package callboard_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
)

func ExampleNewClient() {
	client, err := callboard.NewClient(gatewayURL) // http://127.0.0.1:7070
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	counter := counterpb.NewCounterClient(client.Actor("anna"))
	request := &counterpb.AddRequest{Delta: 5}
	response, err := counter.Add(context.Background(), request, callboard.MessageID("order-7"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.GetValue())
	// Output: 5
}

func ExampleNewMessage() {
	client, err := callboard.NewClient(gatewayURL)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	counter := counterpb.NewCounterClient(client.Actor("bert"))

	ctx := context.Background()
	add := callboard.NewMessage(counter.Add, &counterpb.AddRequest{Delta: 5}, callboard.MessageID("order-7"))
	receipt, err := add.Tell(ctx, callboard.After(100*time.Millisecond))
	if err != nil {
		log.Fatal(err)
	}
	response, err := callboard.PickUp(counter.Add, receipt.MessageID).Await(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(receipt.MessageID, response.GetValue())
	// Output: order-7 5
}

func ExampleAskMany() {
	client, err := callboard.NewClient(gatewayURL)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	var asks []*callboard.Message[*counterpb.AddResponse]
	for i, name := range []string{"clara", "dora"} {
		counter := counterpb.NewCounterClient(client.Actor(name))
		request := &counterpb.AddRequest{Delta: int64(i + 1)}
		asks = append(asks, callboard.NewMessage(counter.Add, request, callboard.MessageID("order-7")))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, result := range callboard.AskMany(ctx, asks...) {
		fmt.Println(result.Response.GetValue(), result.Err)
	}
	// Output:
	// 1 <nil>
	// 2 <nil>
}

func ExampleClient_TellStream() {
	client, err := callboard.NewClient(gatewayURL)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	counter := counterpb.NewCounterClient(client.Actor("emil"))

	ctx := context.Background()
	stream := client.TellStream(ctx)
	for range 1_000 {
		note := callboard.NewMessage(counter.Note, &counterpb.NoteRequest{Delta: 1})
		if _, err := stream.Tell(ctx, note); err != nil {
			log.Fatal(err)
		}
	}
	// All are stored when it is closed without an error.
	fmt.Println(stream.Close())
	// Output: <nil>
}

func ExampleClient_JSONMessage() {
	client, err := callboard.NewClient(gatewayURL)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	address := callboard.Address{Type: "counter.v1.Counter", Key: callboard.Key("eu/west", "fritz")}
	add := client.JSONMessage(address, "Add", []byte(`{"delta": 5}`), callboard.MessageID("order-7"))
	response, err := add.Ask(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(address.Key, string(response))
	// Output: eu%2Fwest/fritz {"value":"5"}
}

func ExampleError() {
	client, err := callboard.NewClient(gatewayURL)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	counter := counterpb.NewCounterClient(client.Actor("gerda"))

	_, err = counter.Add(context.Background(), &counterpb.AddRequest{Counter: "hans"})
	var failed *callboard.Error
	if errors.As(err, &failed) && failed.Kind == callboard.ErrInvalidRequest {
		fmt.Println(failed.Code, failed.Reason, failed.Metadata["field"])
	}
	// Output: InvalidArgument INVALID_REQUEST callboard-key
}
