package callboard_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/callboard-dev/callboard/clients/go/examples/counterpb"
	pb "github.com/callboard-dev/callboard/clients/go/gen/callboard/v1"
)

// attempt is a call as it came.
type attempt struct {
	metadata metadata.MD
	left     time.Duration // until its deadline
	at       time.Time
}

func (a attempt) header(name string) string {
	if values := a.metadata.Get(name); len(values) > 0 {
		return values[0]
	}
	return ""
}

// faults is a server that does what the real one does seldom.
type faults struct {
	pb.UnimplementedGatewayServer
	counterpb.UnimplementedCounterServer

	// answer decides what an attempt gets, counted from 1; nil for a response.
	answer func(ctx context.Context, number int) error
	// askMany and tellStream serve an attempt.
	askMany    func(*pb.AskManyRequest, grpc.ServerStreamingServer[pb.AskManyResponse], int) error
	tellStream func(grpc.BidiStreamingServer[pb.TellStreamRequest, pb.TellStreamResponse], int) error

	url   string
	mutex sync.Mutex
	seen  []attempt
}

// serveFaults serves until the end of the test.
func serveFaults(t *testing.T, server *faults, options ...grpc.ServerOption) *faults {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving := grpc.NewServer(options...)
	counterpb.RegisterCounterServer(serving, server)
	pb.RegisterGatewayServer(serving, server)
	server.url = "http://" + listener.Addr().String()
	ended := make(chan error)
	go func() { ended <- serving.Serve(listener) }()
	t.Cleanup(func() {
		serving.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return server
}

func (f *faults) note(ctx context.Context) int {
	came, _ := metadata.FromIncomingContext(ctx)
	deadline, _ := ctx.Deadline()
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.seen = append(f.seen, attempt{came, time.Until(deadline), time.Now()})
	return len(f.seen)
}

func (f *faults) attempts() []attempt {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.seen
}

func (f *faults) serve(ctx context.Context) error {
	number := f.note(ctx)
	if f.answer == nil {
		return nil
	}
	return f.answer(ctx, number)
}

func (f *faults) Add(ctx context.Context, _ *counterpb.AddRequest) (*counterpb.AddResponse, error) {
	return &counterpb.AddResponse{Value: 1}, f.serve(ctx)
}

func (f *faults) Note(ctx context.Context, _ *counterpb.NoteRequest) (*counterpb.NoteResponse, error) {
	return &counterpb.NoteResponse{}, f.serve(ctx)
}

func (f *faults) Await(ctx context.Context, _ *pb.AwaitRequest) (*pb.AwaitResponse, error) {
	return &pb.AwaitResponse{}, f.serve(ctx)
}

func (f *faults) Tell(ctx context.Context, request *pb.TellRequest) (*pb.TellResponse, error) {
	receipt := &pb.Receipt{MessageId: request.GetMessage().GetMessageId()}
	return &pb.TellResponse{Receipt: receipt}, f.serve(ctx)
}

func (f *faults) AskMany(
	request *pb.AskManyRequest, answers grpc.ServerStreamingServer[pb.AskManyResponse],
) error {
	return f.askMany(request, answers, f.note(answers.Context()))
}

func (f *faults) TellStream(
	stream grpc.BidiStreamingServer[pb.TellStreamRequest, pb.TellStreamResponse],
) error {
	return f.tellStream(stream, f.note(stream.Context()))
}

// refuse is a status with when to come again; none when it is negative.
func refuse(code codes.Code, retryAfter time.Duration) error {
	refused := status.New(code, "come again")
	if retryAfter >= 0 {
		detailed, err := refused.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)})
		if err != nil {
			panic(err)
		}
		refused = detailed
	}
	return refused.Err()
}

// first refuses so many attempts, and lets pass the others.
func first(count int, err error) func(context.Context, int) error {
	return func(_ context.Context, number int) error {
		if number <= count {
			return err
		}
		return nil
	}
}

// hang answers when its caller has gone.
func hang(ctx context.Context, _ int) error {
	<-ctx.Done()
	return status.FromContextError(ctx.Err()).Err()
}
