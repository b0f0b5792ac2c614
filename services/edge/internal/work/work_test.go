package work

import (
	"context"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPool(t *testing.T) {
	p := New(2, 3)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	started, release := make(chan bool), make(chan bool)
	var finished atomic.Int64
	job := func(context.Context) { started <- true; <-release; finished.Add(1) }
	for range 2 {
		if !p.Do(job) {
			t.Fatal("refused while idle")
		}
		<-started
	}
	for range 3 {
		if !p.Do(job) {
			t.Fatal("refused while the queue has room")
		}
	}
	if p.Do(job) {
		t.Fatal("took more than the queue holds")
	}
	for range 3 {
		release <- true
		<-started
	}
	cancel()
	for range 2 {
		release <- true
	}
	if err := <-done; err != nil || finished.Load() != 5 {
		t.Errorf("ended with %v after %d of 5", err, finished.Load())
	}
}
