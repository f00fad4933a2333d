// A tell with a delay: the gateway answers when the message is stored, and delivers it later, whether this
// program is still there or not.
package main

import (
	"context"
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
	counter := counterpb.NewCounterClient(client.Actor("go-tell-with-delay"))

	soon := callboard.NewMessage(counter.Add, &counterpb.AddRequest{Delta: 1})
	receipt, err := soon.Tell(ctx, callboard.After(time.Second))
	if err != nil {
		return err
	}
	fmt.Println("stored as", receipt.MessageID)

	// Its reply can be waited for, here or in another program.
	response, err := callboard.PickUp(counter.Add, receipt.MessageID).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Println("delivered; the number is", response.GetValue())

	// What is not yet due can be cancelled.
	tomorrow := callboard.NewMessage(counter.Add, &counterpb.AddRequest{Delta: 1})
	if _, err := tomorrow.Tell(ctx, callboard.At(time.Now().AddDate(0, 0, 1))); err != nil {
		return err
	}
	cancelled, err := client.Cancel(ctx, tomorrow.Address(), tomorrow.ID())
	if err != nil {
		return err
	}
	fmt.Println("that of tomorrow is cancelled:", cancelled)
	return nil
}
