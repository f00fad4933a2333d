package main

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/callboard-dev/callboard/clients/go"
)

// driver has what lives longer than an operation.
type driver struct {
	mutex   sync.Mutex
	client  *callboard.Client
	futures map[string]*future // by message id
	streams map[int]*stream
}

// finish does the rest of an operation, and gives its answer.
type finish func() (any, error)

func newDriver() *driver {
	return &driver{futures: map[string]*future{}, streams: map[int]*stream{}}
}

// begin does of an operation what must keep the order of the operations.
func (d *driver) begin(op string, args json.RawMessage) finish {
	switch op {
	case "connect":
		return func() (any, error) { return done(d.connect(args)) }
	case "close":
		return func() (any, error) { return done(d.close()) }
	case "ask":
		return func() (any, error) { return d.ask(args) }
	case "tell":
		return func() (any, error) { return d.tell(args) }
	case "start":
		return func() (any, error) { return d.start(args) }
	case "result":
		return func() (any, error) { return d.result(args) }
	case "abandon":
		return func() (any, error) { return done(d.abandon(args)) }
	case "pick_up":
		return func() (any, error) { return d.pickUp(args) }
	case "cancel":
		return func() (any, error) { return d.cancel(args) }
	case "ask_many":
		return func() (any, error) { return d.askMany(args) }
	case "stream_open":
		return func() (any, error) { return d.openStream(args) }
	case "stream_tell":
		return d.tellInStream(args)
	case "stream_close":
		return d.closeStream(args)
	default:
		return func() (any, error) { return nil, unsupported("there is no operation " + op) }
	}
}

func done(err error) (any, error) { return map[string]any{}, err }

type connectArgs struct {
	URL           string `json:"url"`
	AskTimeoutMs  int64  `json:"ask_timeout_ms"`
	TellTimeoutMs int64  `json:"tell_timeout_ms"`
	RetryAttempts int    `json:"retry_attempts"`
	RetryBaseMs   int64  `json:"retry_base_ms"`
	RetryCapMs    int64  `json:"retry_cap_ms"`
	Token         string `json:"token"`
	APIKey        string `json:"api_key"`
	CAFile        string `json:"ca_file"`
	CertFile      string `json:"cert_file"`
	KeyFile       string `json:"key_file"`
}

func (d *driver) connect(text json.RawMessage) error {
	args, err := parse[connectArgs](text)
	if err != nil {
		return err
	}
	options := []callboard.Option{callboard.WithRetry(callboard.RetryPolicy{
		Attempts: args.RetryAttempts,
		Base:     millis(args.RetryBaseMs),
		Cap:      millis(args.RetryCapMs),
	})}
	add := func(isGiven bool, option callboard.Option) {
		if isGiven {
			options = append(options, option)
		}
	}
	add(args.AskTimeoutMs != 0, callboard.WithAskTimeout(millis(args.AskTimeoutMs)))
	add(args.TellTimeoutMs != 0, callboard.WithTellTimeout(millis(args.TellTimeoutMs)))
	add(args.Token != "", callboard.WithToken(args.Token))
	add(args.APIKey != "", callboard.WithAPIKey(args.APIKey))
	add(args.CAFile != "", callboard.WithCAFile(args.CAFile))
	add(args.CertFile != "", callboard.WithClientCertificate(args.CertFile, args.KeyFile))
	client, err := callboard.NewClient(args.URL, options...)
	if err != nil {
		return err
	}
	d.mutex.Lock()
	before := d.client
	d.client = client
	d.mutex.Unlock()
	if before != nil {
		return before.Close()
	}
	return nil
}

func (d *driver) close() error {
	if client := d.current(); client != nil {
		return client.Close()
	}
	return nil
}

func (d *driver) current() *callboard.Client {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.client
}

func millis(count int64) time.Duration { return time.Duration(count) * time.Millisecond }

// within is the context of a call with a timeout; 0 for none.
func within(timeoutMs int64) (context.Context, context.CancelFunc) {
	if timeoutMs == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), millis(timeoutMs))
}
