package callboard

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestWaitsGrowToTheCap(t *testing.T) {
	policy := RetryPolicy{Attempts: 9}.orDefaults()
	failed := newLocalError(codes.Unavailable, "gone")
	for i, bound := range []time.Duration{100, 200, 400, 800, 1600, 2000, 2000, 2000} {
		for _, random := range []float64{0, 0.5, 1} {
			wait, again := policy.wait(i+1, failed, random)
			if !again || wait != time.Duration(random*float64(bound*time.Millisecond)) {
				t.Errorf("%v after attempt %d", wait, i+1)
			}
		}
	}
	if _, again := policy.wait(9, failed, 0); again {
		t.Error("there is a tenth attempt")
	}
}

func TestWaitThatIsAskedForGetsAFifthMoreAtMost(t *testing.T) {
	refused, err := status.New(codes.ResourceExhausted, "full").
		WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	failed := newError(refused.Err(), "", nil)
	for random, expected := range map[float64]time.Duration{0: time.Second, 1: 1200 * time.Millisecond} {
		if wait, again := defaultRetryPolicy.wait(4, failed, random); !again || wait != expected {
			t.Errorf("%v, %v", wait, again)
		}
	}
}

func TestBaseAboveTheCapIsTheCap(t *testing.T) {
	policy := RetryPolicy{Base: 5 * time.Second}.orDefaults()
	if wait, _ := policy.wait(1, newLocalError(codes.Unavailable, "gone"), 1); wait != policy.Cap {
		t.Error(wait)
	}
}
