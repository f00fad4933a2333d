// Asks in parallel with one deadline: what has come by then has come.
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

	names := []string{"anna", "bert", "clara", "dora", "emil"}
	var asks []*callboard.Message[*counterpb.AddResponse]
	for _, name := range names {
		counter := counterpb.NewCounterClient(client.Actor("go-parallel-asks", name))
		asks = append(asks, callboard.NewMessage(counter.Add, &counterpb.AddRequest{Delta: 1}))
	}

	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for i, result := range callboard.AskMany(ctx, asks...) {
		if result.Err != nil {
			// The message has its id: it can be asked again, or its reply picked up.
			fmt.Printf("%s: %v; its message is %s\n", names[i], result.Err, asks[i].ID())
			continue
		}
		fmt.Printf("%s: %d\n", names[i], result.Response.GetValue())
	}
	return nil
}
