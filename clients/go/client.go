package callboard

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

// closeGrace is how long Close lets open calls go on.
const closeGrace = 2 * time.Second

// Client is a connection to Callboard. It is made for sharing: one is enough for a program, and all of
// its methods may be called at the same time.
type Client struct {
	conn     *grpc.ClientConn
	gateway  pb.GatewayClient
	settings settings

	mutex     sync.Mutex
	open      int           // calls that have begun and not ended
	isClosing bool          // no further call begins
	idle      chan struct{} // closed when the last call has ended of a client that is closing
	streams   sync.WaitGroup
	once      sync.Once

	life    context.Context // done when Close waits no longer
	endLife context.CancelFunc
}

// NewClient makes a client of the gateway at a URL: http://host:port in plaintext, https://host:port
// with TLS. It connects with the first call, and again after a connection broke; so it fails only when
// the URL or an option is not valid.
//
// Close it when it is no longer needed.
func NewClient(url string, options ...Option) (*Client, error) {
	settings := defaultSettings()
	for _, option := range options {
		if err := option(&settings); err != nil {
			return nil, fmt.Errorf("callboard: %w", err)
		}
	}
	target, dialing, err := settings.transport(url)
	if err != nil {
		return nil, fmt.Errorf("callboard: %w", err)
	}
	conn, err := grpc.NewClient(target, dialing...)
	if err != nil {
		return nil, fmt.Errorf("callboard: %w", err)
	}
	client := &Client{
		conn:     conn,
		settings: settings,
		idle:     make(chan struct{}),
	}
	client.life, client.endLife = context.WithCancel(context.Background())
	client.gateway = pb.NewGatewayClient(byName{client})
	return client, nil
}

// Close ends the client. Calls that are open get two seconds to end by themselves; what is open then
// fails with [ErrCancelled], and so does every further call. Messages that were sent are processed all
// the same.
//
// A second Close waits for the first one, and does nothing else.
func (c *Client) Close() error {
	var err error
	c.once.Do(func() {
		c.mutex.Lock()
		c.isClosing = true
		if c.open == 0 {
			close(c.idle)
		}
		c.mutex.Unlock()
		grace := time.NewTimer(closeGrace)
		defer grace.Stop()
		select {
		case <-c.idle:
		case <-grace.C:
		}
		c.endLife()
		err = c.conn.Close()
		c.streams.Wait()
	})
	return err
}

// begin counts a message that Close waits for, until end.
func (c *Client) begin(messageID string) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.isClosing {
		failed := newLocalError(codes.Canceled, "the client is closed; nothing was sent")
		failed.MessageID = messageID
		return failed
	}
	c.open++
	return nil
}

// beginStream is begin for the first message of a stream, whose goroutine Close waits for, too.
func (c *Client) beginStream(messageID string) error {
	if err := c.begin(messageID); err != nil {
		return err
	}
	c.streams.Add(1)
	return nil
}

// end is the end of what has begun.
func (c *Client) end() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.open--
	if c.isClosing && c.open == 0 {
		close(c.idle)
	}
}

// isClosed tells whether Close waits no longer.
func (c *Client) isClosed() bool { return c.life.Err() != nil }
