package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/callboard-dev/callboard/clients/go"
)

// stream gives messages to a stream in the order in which they come, though each may have to wait.
type stream struct {
	client *callboard.Client
	stream *callboard.TellStream
	queue  chan func()
	close  sync.Once
	closed chan struct{}
}

// queueSize is more than a case has messages, so that reading the input never waits.
const queueSize = 10_000

func (d *driver) openStream(text json.RawMessage) (any, error) {
	args, err := parse[struct {
		Trace trace `json:"trace"`
	}](text)
	if err != nil {
		return nil, err
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	opened := &stream{
		client: d.client,
		stream: d.client.TellStream(args.Trace.in(context.Background())),
		queue:  make(chan func(), queueSize),
		closed: make(chan struct{}),
	}
	go func() {
		for work := range opened.queue {
			work()
		}
	}()
	number := len(d.streams) + 1
	d.streams[number] = opened
	return map[string]any{"stream": number}, nil
}

func (d *driver) opened(number int) (*stream, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if found, ok := d.streams[number]; ok {
		return found, nil
	}
	return nil, errors.New("there is no such stream")
}

type streamArgs struct {
	Stream int `json:"stream"`
	messageArgs
}

func (d *driver) tellInStream(text json.RawMessage) finish {
	fail := func(err error) finish { return func() (any, error) { return nil, err } }
	args, err := parse[streamArgs](text)
	if err != nil {
		return fail(err)
	}
	found, err := d.opened(args.Stream)
	if err != nil {
		return fail(err)
	}
	made, err := messageOf(found.client, args.messageArgs)
	if err != nil {
		return fail(err)
	}
	type told struct {
		delivery *callboard.Delivery
		err      error
	}
	taken := make(chan told, 1)
	found.queue <- func() {
		delivery, err := found.stream.Tell(args.Trace.in(context.Background()), made)
		taken <- told{delivery, err}
	}
	return func() (any, error) {
		told := <-taken
		if told.err != nil {
			return nil, told.err
		}
		receipt, err := told.delivery.Receipt(context.Background())
		if err != nil {
			return nil, err
		}
		return receiptOf(receipt), nil
	}
}

// closeStream ends a stream after what it was given before. What became of each message, its own operation
// tells.
func (d *driver) closeStream(text json.RawMessage) finish {
	args, err := parse[streamArgs](text)
	found, failure := d.opened(args.Stream)
	if err = errors.Join(err, failure); err != nil {
		return func() (any, error) { return nil, err }
	}
	found.close.Do(func() {
		found.queue <- func() {
			_ = found.stream.Close()
			close(found.closed)
		}
		close(found.queue)
	})
	return func() (any, error) {
		<-found.closed
		return done(nil)
	}
}
