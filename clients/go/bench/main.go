// The program of Go for the row `clients` of Callboard's bench; bench/README.md says what it measures.
//
//	bench URL CALLS REPETITIONS
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
)

const (
	block    = 200 // asks of one side, before those of the other
	streamed = 10  // messages of the stream for each that is told by itself
)

// figures has one of each repetition: the median of an ask in µs, and tells in a second.
type figures struct {
	Bare   []float64 `json:"bare"`
	Client []float64 `json:"client"`
	Tells  []float64 `json:"tells"`
	Stream []float64 `json:"stream"`
}

// bench calls the counters `asks` and `tells`.
type bench struct {
	client *callboard.Client
	bare   counterpb.CounterClient
	asks   counterpb.CounterClient
	tells  counterpb.CounterClient
	sent   int // by the bare stub
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: bench URL CALLS REPETITIONS")
	}
	calls, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	repetitions, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	measured, err := measure(context.Background(), os.Args[1], calls, repetitions)
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(measured); err != nil {
		log.Fatal(err)
	}
}

func measure(ctx context.Context, url string, calls, repetitions int) (*figures, error) {
	// As the client connects.
	conn, err := grpc.NewClient("dns:///"+strings.TrimPrefix(url, "http://"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 30 * time.Second}),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
	)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client, err := callboard.NewClient(url)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	b := &bench{
		client: client,
		bare:   counterpb.NewCounterClient(conn),
		asks:   counterpb.NewCounterClient(client.Actor("asks")),
		tells:  counterpb.NewCounterClient(client.Actor("tells")),
	}
	measured := &figures{}
	for repetition := range repetitions + 1 {
		all, err := b.repetition(ctx, calls)
		if err != nil {
			return nil, err
		}
		// The first one is to warm up.
		if repetition > 0 {
			measured.Bare = append(measured.Bare, all[0])
			measured.Client = append(measured.Client, all[1])
			measured.Tells = append(measured.Tells, all[2])
			measured.Stream = append(measured.Stream, all[3])
		}
	}
	return measured, nil
}

func (b *bench) repetition(ctx context.Context, calls int) ([4]float64, error) {
	bare, client, err := b.ask(ctx, calls)
	if err != nil {
		return [4]float64{}, err
	}
	tells, err := b.rate(ctx, calls, b.tell)
	if err != nil {
		return [4]float64{}, err
	}
	stream, err := b.rate(ctx, calls*streamed, b.stream)
	return [4]float64{bare, client, tells, stream}, err
}

// ask asks by the bare stub and by the client in turn.
func (b *bench) ask(ctx context.Context, calls int) (bare, client float64, err error) {
	var times [2][]time.Duration
	for range calls / block {
		for side, ask := range []func(context.Context) error{b.askBare, b.askByClient} {
			for range block {
				before := time.Now()
				if err := ask(ctx); err != nil {
					return 0, 0, err
				}
				times[side] = append(times[side], time.Since(before))
			}
		}
	}
	return median(times[0]), median(times[1]), nil
}

func (b *bench) askBare(ctx context.Context) error {
	// As long as those of the client.
	id := fmt.Sprintf("%036d", b.sent)
	b.sent++
	ctx = metadata.AppendToOutgoingContext(ctx, "callboard-message-id", id)
	_, err := b.bare.Add(ctx, &counterpb.AddRequest{Counter: "asks", Delta: 1})
	return err
}

func (b *bench) askByClient(ctx context.Context) error {
	_, err := b.asks.Add(ctx, &counterpb.AddRequest{Delta: 1})
	return err
}

func (b *bench) tell(ctx context.Context, messages int) error {
	for range messages {
		if _, err := b.tells.Note(ctx, &counterpb.NoteRequest{Delta: 1}); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) stream(ctx context.Context, messages int) error {
	stream := b.client.TellStream(ctx)
	for range messages {
		note := callboard.NewMessage(b.tells.Note, &counterpb.NoteRequest{Delta: 1})
		if _, err := stream.Tell(ctx, note); err != nil {
			return err
		}
	}
	return stream.Close()
}

// rate tells how many messages are sent in a second, and then waits until all of them are handled.
func (b *bench) rate(ctx context.Context, messages int, send func(context.Context, int) error) (float64, error) {
	begun := time.Now()
	if err := send(ctx, messages); err != nil {
		return 0, err
	}
	took := time.Since(begun)
	_, err := b.tells.Add(ctx, &counterpb.AddRequest{})
	return float64(messages) / took.Seconds(), err
}

func median(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2]) / float64(time.Microsecond)
}
