package drill

import (
	"context"
	"errors"
	"strings"
	"testing"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// TestDeadLetters: an entry that history gives up is reported once, and not again after later
// faults.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	server, url, err := cluster.StartBus(t.Context(), cluster.Redis, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Kill()
	s := &stage{Cluster: &cluster.Cluster{Bus: &cluster.Bus{URL: url}}}
	if err := s.deadLetters(t.Context()); err != nil {
		t.Errorf("an error though nothing was given up: %v", err)
	}
	b, err := s.Bus.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := bus.Append(t.Context(), b, bus.NewEntry{Room: "room", Sender: "ann", ID: "1", Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	consumed := make(chan error, 1)
	go func() {
		consumed <- b.Consume(ctx, api.RequiredGroups[0], func(context.Context, []bus.Entry) error { return errors.New("cannot be stored") })
	}()
	for parked := false; !parked && ctx.Err() == nil; {
		letters, err := b.DeadLetters(ctx, api.RequiredGroups[0], 1)
		if err != nil {
			t.Fatal(err)
		}
		parked = len(letters) > 0
	}
	cancel()
	if err := <-consumed; err != nil {
		t.Error(err)
	}
	if err := s.deadLetters(t.Context()); err == nil || !strings.Contains(err.Error(), "history gave up 1 entries") || !strings.Contains(err.Error(), "cannot be stored") {
		t.Errorf("for an entry that was given up the error is %v", err)
	}
	if err := s.deadLetters(t.Context()); err != nil {
		t.Errorf("the same entry is reported again: %v", err)
	}
	server.Kill()
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := s.deadLetters(ctx); err == nil {
		t.Error("no error without a bus")
	}
}
