package callboard

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc/codes"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

// Result is what became of one of several asks: Response, or Err.
type Result[Response any] struct {
	// Response is the actor's.
	Response Response
	// Receipt says what became of the message; nil when it is not known to be stored, and of a read-only
	// ask.
	Receipt *Receipt
	// Err is why there is no response, of the type *[Error]; else nil.
	Err error
}

// AskMany asks several messages at once, 1 to 100 of at most 4 MiB in all, and gives their results in their
// order. They must be of one client; those to one actor are handled in any order.
//
// At the deadline of the context (without one 30 s, or what [WithAskTimeout] says) what has come has come:
// the others have failed with [ErrDeadlineExceeded], and the ids of their messages. Each message is
// tried again as one that is asked alone.
func AskMany[Response any](ctx context.Context, messages ...*Message[Response]) []Result[Response] {
	results := make([]Result[Response], len(messages))
	var client *Client
	var open []ask // the messages without a result
	for i, message := range messages {
		named, err := message.named()
		if err == nil && client == nil {
			client = message.client
		}
		if err == nil && message.client != client {
			err = newInvalid("messages", "they are not all of one client")
		}
		if err == nil && message.delivery != nil {
			err = newInvalid("delay", "a message for later can be told, and not asked")
		}
		if err == nil {
			err = client.begin(message.id)
		}
		if err != nil {
			results[i].Err = err
			continue
		}
		defer client.end()
		open = append(open, ask{i, named})
	}
	if len(open) == 0 {
		return results
	}
	ctx, cancel := withDefaultTimeout(traced(ctx), client.settings.askTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		askRound(ctx, client, open, messages, results)
		var again []ask
		var longest time.Duration
		for _, ask := range open {
			if results[ask.place].Err == nil {
				continue
			}
			wait, ok := client.settings.retry.wait(attempt, asError(results[ask.place].Err), random())
			if ok && !isBeyondDeadline(ctx, wait) {
				again, longest = append(again, ask), max(longest, wait)
			}
		}
		if len(again) == 0 || client.pause(ctx, longest) != nil {
			return results
		}
		open = again
	}
}

// ask is a message to be asked, and the place of its result.
type ask struct {
	place int
	named *pb.Message
}

// askRound asks the messages that are open, and sets the result of each.
func askRound[Response any](
	ctx context.Context, client *Client, open []ask, messages []*Message[Response], results []Result[Response],
) {
	request := &pb.AskManyRequest{}
	for _, ask := range open {
		request.Messages = append(request.Messages, ask.named)
	}
	isTold := make([]bool, len(open))
	err := eachAnswer(ctx, client, request, func(answer *pb.AskManyResponse) {
		index := int(answer.GetIndex())
		if index >= len(open) {
			return
		}
		isTold[index] = true
		place := open[index].place
		result := Result[Response]{}
		if refused := answer.GetError(); refused != nil {
			result.Err = newErrorOf(refused, messages[place].id)
		} else {
			result.Receipt = receiptFrom(answer.GetResponse().GetReceipt())
			result.Response, result.Err = messages[place].read(answer.GetResponse())
		}
		results[place] = result
	})
	if err == nil {
		err = newLocalError(codes.Unavailable, "the answer ended before all results came")
	}
	for index, ask := range open {
		if !isTold[index] {
			results[ask.place] = Result[Response]{Err: client.failed(err, ask.named.GetMessageId(), nil)}
		}
	}
}

// eachAnswer reads the answers of one AskMany to their end.
func eachAnswer(
	ctx context.Context, client *Client, request *pb.AskManyRequest, each func(*pb.AskManyResponse),
) error {
	// Ends the stream, whatever state it is in.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers, err := client.gateway.AskMany(ctx, request)
	if err != nil {
		return err
	}
	for {
		answer, err := answers.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		each(answer)
	}
}
