// The first call: asks a counter to add something, and prints what it says.
//
//	go run ./examples/first-call -url http://127.0.0.1:7070 alice 5
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"strconv"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
)

func main() {
	url := flag.String("url", "http://127.0.0.1:7070", "where the gateway is")
	flag.Parse()
	delta, err := strconv.ParseInt(flag.Arg(1), 10, 64)
	if err != nil {
		log.Fatal("usage: first-call [-url URL] COUNTER DELTA")
	}
	if err := run(context.Background(), *url, flag.Arg(0), delta); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, url, name string, delta int64) error {
	client, err := callboard.NewClient(url)
	if err != nil {
		return err
	}
	defer client.Close()

	// The stub is the ordinary one; the actor's key is here instead of in each request.
	counter := counterpb.NewCounterClient(client.Actor(name))
	var receipt callboard.Receipt
	response, err := counter.Add(ctx, &counterpb.AddRequest{Delta: delta}, callboard.StoreReceipt(&receipt))
	if err != nil {
		return err
	}
	fmt.Printf("the number of %s is %d\n", name, response.GetValue())
	fmt.Printf("message %d of this counter was %s\n", receipt.Sequence, receipt.MessageID)
	return nil
}
