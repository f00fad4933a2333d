package callboard

import (
	"strconv"

	"google.golang.org/grpc/metadata"

	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

const (
	headerMessageID = "callboard-message-id"
	headerKey       = "callboard-key"
	headerMode      = "callboard-mode"
	headerDelay     = "callboard-delay"
	headerDeliverAt = "callboard-deliver-at"
	headerSequence  = "callboard-sequence"
	headerDuplicate = "callboard-duplicate"
)

// Receipt says what became of a message that is stored.
type Receipt struct {
	// MessageID is the message's id.
	MessageID string
	// Sequence is its place in its actor's mailbox, from 1; 0 for a delayed message, and for one that was
	// sent before.
	Sequence uint64
	// Duplicate is whether it was sent before; then it is not handled again.
	Duplicate bool
	// NewKey is the key that the gateway has made for a new actor; empty when it made none.
	NewKey string
}

// receiptOf reads the headers or the trailers of an answer; nil when there is no receipt in them: the
// answer of a read-only ask, or none of the gateway.
func receiptOf(headers metadata.MD) *Receipt {
	id := first(headers, headerMessageID)
	if id == "" {
		return nil
	}
	// Absent it is not a number, and counts as 0.
	sequence, _ := strconv.ParseUint(first(headers, headerSequence), 10, 64)
	return &Receipt{
		MessageID: id,
		Sequence:  sequence,
		Duplicate: first(headers, headerDuplicate) == "true",
		NewKey:    first(headers, headerKey),
	}
}

func receiptFrom(receipt *pb.Receipt) *Receipt {
	if receipt == nil {
		return nil
	}
	return &Receipt{
		MessageID: receipt.GetMessageId(),
		Sequence:  receipt.GetSequence(),
		Duplicate: receipt.GetDuplicate(),
		NewKey:    receipt.GetNewKey(),
	}
}

func first(headers metadata.MD, name string) string {
	if values := headers.Get(name); len(values) > 0 {
		return values[0]
	}
	return ""
}
