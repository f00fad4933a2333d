package main

import (
	"context"
	"encoding/json"
	"errors"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"

	"github.com/callboard-dev/callboard/clients/go"
)

// future is an ask that was started, and how to give up waiting for it.
type future struct {
	await   awaited
	ctx     context.Context
	abandon context.CancelFunc
}

type idArgs struct {
	Key       key    `json:"key"`
	MessageID string `json:"message_id"`
	TimeoutMs int64  `json:"timeout_ms"`
}

func (d *driver) message(text json.RawMessage) (messageArgs, message, error) {
	args, err := parse[messageArgs](text)
	if err != nil {
		return args, nil, err
	}
	if args.Request == nil {
		args.Request = json.RawMessage("{}")
	}
	made, err := messageOf(d.current(), args)
	return args, made, err
}

func (d *driver) ask(text json.RawMessage) (any, error) {
	args, made, err := d.message(text)
	if err != nil {
		return nil, err
	}
	ctx, cancel := args.context()
	defer cancel()
	var receipt callboard.Receipt
	response, err := made.askJSON(ctx, callboard.StoreReceipt(&receipt))
	if err != nil {
		return nil, err
	}
	answer := receiptOf(&receipt)
	answer["response"] = response
	return answer, nil
}

func (d *driver) tell(text json.RawMessage) (any, error) {
	args, made, err := d.message(text)
	if err != nil {
		return nil, err
	}
	ctx, cancel := args.context()
	defer cancel()
	receipt, err := made.Tell(ctx)
	if err != nil {
		return nil, err
	}
	return receiptOf(receipt), nil
}

func (d *driver) start(text json.RawMessage) (any, error) {
	args, made, err := d.message(text)
	if err != nil {
		return nil, err
	}
	ctx, cancel := args.context()
	defer cancel()
	await, err := made.startJSON(ctx)
	if err != nil {
		return nil, err
	}
	waiting, abandon := context.WithCancel(context.Background())
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.futures[made.ID()] = &future{await: await, ctx: waiting, abandon: abandon}
	return map[string]any{"message_id": made.ID()}, nil
}

func (d *driver) started(messageID string) (*future, error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if found, ok := d.futures[messageID]; ok {
		return found, nil
	}
	return nil, errors.New("nothing was started with the id " + messageID)
}

func (d *driver) result(text json.RawMessage) (any, error) {
	args, err := parse[idArgs](text)
	if err != nil {
		return nil, err
	}
	found, err := d.started(args.MessageID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(args.TimeoutMs)
	defer cancel()
	defer context.AfterFunc(found.ctx, cancel)()
	response, err := found.await(ctx)
	if err != nil {
		return nil, err
	}
	answer := receiptOf(&callboard.Receipt{MessageID: args.MessageID})
	answer["response"] = response
	return answer, nil
}

func (d *driver) abandon(text json.RawMessage) error {
	args, err := parse[idArgs](text)
	if err != nil {
		return err
	}
	found, err := d.started(args.MessageID)
	if err != nil {
		return err
	}
	found.abandon()
	return nil
}

func (d *driver) pickUp(text json.RawMessage) (any, error) {
	args, err := parse[messageArgs](text)
	if err != nil {
		return nil, err
	}
	ctx, cancel := args.context()
	defer cancel()
	response, err := pickedUp(d.current(), args)(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]any{"response": response}, nil
}

func (d *driver) cancel(text json.RawMessage) (any, error) {
	args, err := parse[idArgs](text)
	if err != nil {
		return nil, err
	}
	ctx, cancel := within(args.TimeoutMs)
	defer cancel()
	address := callboard.Address{Type: actorType, Key: string(args.Key)}
	cancelled, err := d.current().Cancel(ctx, address, args.MessageID)
	if err != nil {
		return nil, err
	}
	return map[string]any{"cancelled": cancelled}, nil
}

func (d *driver) askMany(text json.RawMessage) (any, error) {
	args, err := parse[struct {
		Asks      []messageArgs `json:"asks"`
		TimeoutMs int64         `json:"timeout_ms"`
		Trace     trace         `json:"trace"`
	}](text)
	if err != nil {
		return nil, err
	}
	client := d.current()
	asks := make([]*callboard.Message[json.RawMessage], len(args.Asks))
	for i, ask := range args.Asks {
		asks[i] = client.JSONMessage(ask.address(), ask.Method, ask.Request, ask.options()...)
	}
	ctx, cancel := within(args.TimeoutMs)
	defer cancel()
	results := make([]any, len(asks))
	for i, result := range callboard.AskMany(args.Trace.in(ctx), asks...) {
		if result.Err != nil {
			results[i] = map[string]any{"error": describe(result.Err)}
			continue
		}
		answer := receiptOf(result.Receipt)
		answer["response"] = result.Response
		results[i] = map[string]any{"ok": answer}
	}
	return map[string]any{"results": results}, nil
}

// receiptOf writes a receipt; a read-only ask has none.
func receiptOf(receipt *callboard.Receipt) map[string]any {
	if receipt == nil {
		receipt = &callboard.Receipt{}
	}
	answer := map[string]any{
		"message_id": orNull(receipt.MessageID),
		"sequence":   nil,
		"duplicate":  receipt.Duplicate,
		"new_key":    orNull(receipt.NewKey),
	}
	if receipt.Sequence != 0 {
		answer["sequence"] = receipt.Sequence
	}
	return answer
}

// describe writes an error.
func describe(err error) map[string]any {
	var failed *callboard.Error
	if !errors.As(err, &failed) {
		return map[string]any{"code": code.Code(codes.Unknown).String(), "message": err.Error(), "type": "error"}
	}
	answer := map[string]any{
		"code":           code.Code(failed.Code).String(),
		"reason":         orNull(failed.Reason),
		"domain":         orNull(failed.Domain),
		"metadata":       failed.Metadata,
		"retry_delay_ms": nil,
		"message":        failed.Message,
		"message_id":     orNull(failed.MessageID),
		"type":           string(failed.Kind),
	}
	if failed.Metadata == nil {
		answer["metadata"] = map[string]string{}
	}
	if delay, ok := failed.RetryDelay(); ok {
		answer["retry_delay_ms"] = delay.Milliseconds()
	}
	return answer
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
