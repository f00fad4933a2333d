package callboard

import (
	"errors"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
)

// retryJitter is by which part the wait that an error asks for is prolonged at most, so that all who were
// refused do not come back at once.
const retryJitter = 0.2

var defaultRetryPolicy = RetryPolicy{Attempts: 5, Base: 100 * time.Millisecond, Cap: 2 * time.Second}

// RetryPolicy says how a call is tried again. That happens only after UNAVAILABLE, and after errors that
// say when to come again (`google.rpc.RetryInfo`), with the same message id, and not beyond the call's
// deadline. It never happens after DEADLINE_EXCEEDED.
//
// Fields that are zero have their defaults.
type RetryPolicy struct {
	// Attempts is how many there are at most, the first one included; 1 for no retry. Default: 5.
	Attempts int
	// Base bounds the first wait, which is chosen at random between nothing and this; each further bound
	// is twice the one before. Default: 100 ms.
	Base time.Duration
	// Cap is the largest bound. Default: 2 s.
	//
	// When an error says how long to wait, the wait is that, and up to a fifth more, instead.
	Cap time.Duration
}

func (p RetryPolicy) orDefaults() RetryPolicy {
	if p.Attempts == 0 {
		p.Attempts = defaultRetryPolicy.Attempts
	}
	if p.Base == 0 {
		p.Base = defaultRetryPolicy.Base
	}
	if p.Cap == 0 {
		p.Cap = defaultRetryPolicy.Cap
	}
	return p
}

func (p RetryPolicy) check() error {
	if p.Attempts < 0 || p.Base < 0 || p.Cap < 0 {
		return errors.New("nothing in a retry policy can be negative")
	}
	return nil
}

// wait says how long to wait after an attempt, counted from 1, that failed; false when there must be no
// further one. random is in [0, 1).
func (p RetryPolicy) wait(attempt int, failed *Error, random float64) (time.Duration, bool) {
	if attempt >= p.Attempts || !failed.isRetryable() {
		return 0, false
	}
	if delay, ok := failed.RetryDelay(); ok {
		return delay + time.Duration(random*retryJitter*float64(delay)), true
	}
	bound := p.Base
	for range attempt - 1 {
		bound = min(2*bound, p.Cap)
	}
	return time.Duration(random * float64(min(bound, p.Cap))), true
}

// isRetryable tells whether the same message may be sent again as it is, and may then succeed.
func (e *Error) isRetryable() bool {
	if e.Code == codes.DeadlineExceeded {
		return false
	}
	_, asked := e.RetryDelay()
	return asked || e.Code == codes.Unavailable
}

// random is in [0, 1).
func random() float64 { return rand.Float64() }
