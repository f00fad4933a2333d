package callboard_test

import (
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/callboard-dev/callboard/clients/go"
	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

type answers = grpc.ServerStreamingServer[pb.AskManyResponse]

// adds makes asks with the ids a, b and c.
func adds(t *testing.T, client *callboard.Client) []*callboard.Message[*counterpb.AddResponse] {
	t.Helper()
	counter := counterpb.NewCounterClient(client.Actor("alice"))
	var asks []*callboard.Message[*counterpb.AddResponse]
	for _, id := range []string{"a", "b", "c"} {
		asks = append(asks, callboard.NewMessage(counter.Add, add(1), callboard.MessageID(id)))
	}
	return asks
}

// respond answers a message with a value.
func respond(t *testing.T, out answers, index uint32, value int64) error {
	encoded, err := proto.Marshal(&counterpb.AddResponse{Value: value})
	if err != nil {
		t.Error(err)
	}
	response := &pb.AskResponse{Payload: &pb.AskResponse_Encoded{Encoded: encoded}}
	return out.Send(&pb.AskManyResponse{Index: index, Result: &pb.AskManyResponse_Response{Response: response}})
}

func TestWhatHasNoResultIsAskedAgain(t *testing.T) {
	for name, end := range map[string]error{"broken": status.Error(codes.Unavailable, "gone"), "ended": nil} {
		t.Run(name, func(t *testing.T) {
			var asked [][]string
			server := serveFaults(t, &faults{askMany: func(request *pb.AskManyRequest, out answers, number int) error {
				var ids []string
				for _, message := range request.GetMessages() {
					ids = append(ids, message.GetMessageId())
				}
				asked = append(asked, ids)
				if number == 1 {
					if err := respond(t, out, 1, 2); err != nil {
						return err
					}
					return end
				}
				for index := range ids {
					if err := respond(t, out, uint32(index), int64(index)); err != nil {
						return err
					}
				}
				return nil
			}})
			client := newClient(t, server.url, quick)
			for i, result := range callboard.AskMany(t.Context(), adds(t, client)...) {
				if expected := []int64{0, 2, 1}[i]; result.Err != nil || result.Response.GetValue() != expected {
					t.Errorf("%d: %+v", i, result)
				}
			}
			if len(asked) != 2 || len(asked[1]) != 2 || asked[1][0] != "a" || asked[1][1] != "c" {
				t.Error(asked)
			}
		})
	}
}

func TestSingleMessageThatIsRefusedForNowIsAskedAgain(t *testing.T) {
	server := serveFaults(t, &faults{askMany: func(request *pb.AskManyRequest, out answers, number int) error {
		for index := range request.GetMessages() {
			if number == 1 && index == 1 {
				full := status.Convert(refuse(codes.ResourceExhausted, 0)).Proto()
				refused := &pb.Status{Code: full.GetCode(), Message: full.GetMessage(), Details: full.GetDetails()}
				answer := &pb.AskManyResponse{Index: 1, Result: &pb.AskManyResponse_Error{Error: refused}}
				if err := out.Send(answer); err != nil {
					return err
				}
				continue
			}
			if err := respond(t, out, uint32(index), int64(len(request.GetMessages()))); err != nil {
				return err
			}
		}
		return nil
	}})
	client := newClient(t, server.url, quick)
	for i, result := range callboard.AskMany(t.Context(), adds(t, client)...) {
		if expected := []int64{3, 1, 3}[i]; result.Err != nil || result.Response.GetValue() != expected {
			t.Errorf("%d: %+v", i, result)
		}
	}
}

func TestWhatCameBeforeTheDeadlineIsThere(t *testing.T) {
	server := serveFaults(t, &faults{askMany: func(_ *pb.AskManyRequest, out answers, _ int) error {
		if err := respond(t, out, 1, 7); err != nil {
			return err
		}
		return hang(out.Context(), 1)
	}})
	client := newClient(t, server.url, callboard.WithAskTimeout(300*time.Millisecond))
	asks := adds(t, client)
	for i, result := range callboard.AskMany(t.Context(), asks...) {
		if i == 1 {
			if result.Err != nil || result.Response.GetValue() != 7 {
				t.Errorf("%+v", result)
			}
			continue
		}
		if failed := failedWith(t, result.Err, callboard.ErrDeadlineExceeded); failed.MessageID != asks[i].ID() {
			t.Errorf("%+v", failed)
		}
	}
}

func TestMessagesOfSeveralClientsAreNotAskedTogether(t *testing.T) {
	one, two := newClient(t, gatewayURL), newClient(t, gatewayURL)
	counter, _ := counterOf(t, one)
	other, _ := counterOf(t, two)
	results := callboard.AskMany(t.Context(), callboard.NewMessage(counter.Add, add(1)), callboard.NewMessage(other.Add, add(1)))
	if results[0].Err != nil {
		t.Fatal(results[0].Err)
	}
	failedWith(t, results[1].Err, callboard.ErrInvalidRequest)
}

func TestMessageForLaterIsNotAsked(t *testing.T) {
	counter, _ := counterOf(t, newClient(t, gatewayURL))
	later := callboard.NewMessage(counter.Add, add(1), callboard.After(time.Hour))
	failedWith(t, callboard.AskMany(t.Context(), later)[0].Err, callboard.ErrInvalidRequest)
}
