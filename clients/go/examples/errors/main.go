// Errors: what a program does next, it decides by their kinds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"

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
	counter := counterpb.NewCounterClient(client.Actor("go-errors"))

	if _, err := counter.Add(ctx, &counterpb.AddRequest{Delta: 1}, callboard.MessageID("order-7")); err != nil {
		return err
	}
	_, err = counter.Add(ctx, &counterpb.AddRequest{Delta: 2}, callboard.MessageID("order-7"))
	explain(err)

	_, err = counter.Add(ctx, &counterpb.AddRequest{Counter: "another one"})
	explain(err)

	nowhere, cancel := context.WithCancel(ctx)
	cancel()
	_, err = counter.Get(nowhere, &counterpb.GetRequest{})
	explain(err)
	return nil
}

func explain(err error) {
	var failed *callboard.Error
	if !errors.As(err, &failed) {
		fmt.Println("no error of a call:", err)
		return
	}
	switch failed.Kind {
	case callboard.ErrDeadlineExceeded:
		fmt.Println("wait for its reply by its id:", failed.MessageID)
	case callboard.ErrUnavailable, callboard.ErrMailboxFull, callboard.ErrRateLimited:
		fmt.Println("send it again later, with its id:", failed.MessageID)
	case callboard.ErrMessageIDReused:
		fmt.Println("another message has the id", failed.Metadata["message_id"])
	case callboard.ErrInvalidRequest:
		fmt.Println("mend", failed.Metadata["field"])
	case callboard.ErrHandler:
		fmt.Println("the actor says", failed.Code, failed.Reason, failed.Message)
	default:
		fmt.Println("somebody has to look at it:", failed)
	}
}
