// An idempotent retry: a message that is sent again with the same id is handled once. The client does that
// by itself when the gateway cannot be reached; with an id of its own a program can do it after it was
// started anew.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:7070", "where the gateway is")
	flag.Parse()
	if err := run(context.Background(), *url); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, url string) error {
	client, err := callboard.NewClient(url)
	if err != nil {
		return err
	}
	defer client.Close()
	counter := counterpb.NewCounterClient(client.Actor("go-idempotent-retry"))

	// The order has a number of its own. Whoever sends it again, the counter counts it once.
	order := callboard.MessageID("order-7")
	for range 2 {
		var receipt callboard.Receipt
		response, err := counter.Add(ctx, &counterpb.AddRequest{Delta: 5}, order, callboard.StoreReceipt(&receipt))
		if err != nil {
			return err
		}
		fmt.Printf("the number is %d; it was sent before: %t\n", response.GetValue(), receipt.Duplicate)
	}

	// A message keeps its id, so after a deadline it can be asked again, too.
	add := callboard.NewMessage(counter.Add, &counterpb.AddRequest{Delta: 1})
	response, err := ask(ctx, add, time.Millisecond)
	if errors.Is(err, callboard.ErrDeadlineExceeded) {
		fmt.Println("a millisecond is too short; it is asked again")
		response, err = ask(ctx, add, 10*time.Second)
	}
	if err != nil {
		return err
	}
	fmt.Println("the number is", response.GetValue())
	return nil
}

func ask(
	ctx context.Context, add *callboard.Message[*counterpb.AddResponse], timeout time.Duration,
) (*counterpb.AddResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return add.Ask(ctx)
}
