package notify

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/notify/queue"
)

// TestNoticesWaitForListeners: notices wait until it is known who can be reached. A service that
// ends before it has begun returns no error.
func TestNoticesWaitForListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := membus.NewServer(membus.Options{}).Open()
		s := New(quick(), Deps{Bus: b, Log: zap.NewNop()})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		s.queue.Add(queue.Event{Room: "lobby", Seq: 1, Kind: queue.Word, Users: []string{"ann"}, Taken: time.Now()}, time.Now())
		time.Sleep(time.Minute)
		if due := s.queue.Due(time.Now()); len(due) != 1 || due[0].Events[0].Taken.After(time.Now()) || s.Ready(t.Context()) == nil {
			t.Errorf("after a minute without the directory these wait: %v", due)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Run(ctx); err != nil {
			t.Errorf("ended before it has begun: %v", err)
		}
		_ = b.Close()
	})
}

// TestEntryNamesItsSender: a sender in the entry's data does not count.
func TestEntryNamesItsSender(t *testing.T) {
	w := open(t, late(), nil)
	data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: "d-1", User: "eve", ID: "e1", TS: time.Now().UnixMilli(), Text: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Append(t.Context(), w.bus, bus.NewEntry{Room: "d-1", Sender: "bob", ID: "b1", Data: data}); err != nil {
		t.Fatal(err)
	}
	if all := w.waiting(); len(all) != 1 || all[0].Sender != "bob" || all[0].ID != "b1" {
		t.Errorf("%+v", all)
	}
}
