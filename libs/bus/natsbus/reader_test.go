package natsbus

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
)

// script is a consumer whose answers a test decides on, one by one.
type script struct {
	t     *testing.T
	r     *reader
	pulls []string // the reply subjects of the pulls, in order
	sent  uint64   // entries
}

// scripted runs a test of a reader over a script, in synthetic time.
func scripted(t *testing.T, test func(t *testing.T, s *script)) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, r: &reader{
			b: &store{names: newNames("HUB", 1, chat.IsUserRoom)}, msgs: make(chan *nats.Msg, readBuffer),
			inbox: "_INBOX.x.", budget: readBytes, up: context.Background(),
		}}
		s.r.send = func(reply string) error {
			s.pulls = append(s.pulls, reply)
			return nil
		}
		test(t, s)
	})
}

// put sends a message, for which the reader has to have room.
func (s *script) put(m *nats.Msg) {
	s.t.Helper()
	select {
	case s.r.msgs <- m:
	default:
		s.t.Fatal("a message is dropped: the buffer is full")
	}
}

// entries sends n entries.
func (s *script) entries(n int) {
	s.t.Helper()
	for range n {
		s.sent++
		s.put(&nats.Msg{
			Subject: "hub.log.0.room", Reply: fmt.Sprintf("$JS.ACK.HUB.reader.1.%d.%d.1700000000000000000.0", 100+s.sent, s.sent),
			Sub: &nats.Subscription{},
		})
	}
}

// status sends what a server says of the pull with this number, from 1.
func (s *script) status(pull int, code, description string, headers ...string) {
	s.t.Helper()
	h := nats.Header{headerStatus: {code}, headerDescribe: {description}}
	for i := 0; i < len(headers); i += 2 {
		h[headers[i]] = []string{headers[i+1]}
	}
	s.put(&nats.Msg{Subject: s.pulls[pull-1], Header: h})
}

// look makes the reader take what is there, and returns how many entries that was.
func (s *script) look() (n int, err error) {
	wake := make(chan struct{})
	go func() {
		synctest.Wait()
		wake <- struct{}{}
	}()
	for {
		batch, err := s.r.next(s.t.Context(), nil, wake)
		n += len(batch)
		if err != nil {
			<-wake
			return n, err
		}
		if len(batch) == 0 {
			return n, nil
		}
	}
}

// takes checks that the reader takes n entries and has sent so many pulls since the start.
func (s *script) takes(n, pulls int) {
	s.t.Helper()
	got, err := s.look()
	if got != n || len(s.pulls) != pulls || err != nil {
		s.t.Fatalf("the reader takes %d entries and has sent %d pulls, want %d and %d; %v", got, len(s.pulls), n, pulls, err)
	}
}

// TestStatusOfAnEarlierPull: what the server says of a pull that has ended does not end the next
// one, so that never two are under way.
func TestStatusOfAnEarlierPull(t *testing.T) {
	for _, status := range []struct{ code, description string }{
		{"409", "Batch Completed"}, {"409", "Message Size Exceeds MaxBytes"}, {"409", "Consumer Deleted"}, {"409", "Leadership Change"},
		{"409", "Server Shutdown"}, {"404", "No Messages"}, {"408", "Request Timeout"}, {"408", "Interest Expired"},
		{"100", "Idle Heartbeat"}, {"503", ""}, {"400", "Bad Request"},
	} {
		t.Run(status.code+" "+status.description, func(t *testing.T) {
			scripted(t, func(_ *testing.T, s *script) {
				s.takes(0, 1)
				s.entries(readBatch)
				s.takes(readBatch, 2)
				// which is nothing to this one, either
				s.status(1, status.code, status.description, headerConsumed, "1000")
				s.takes(0, 2)
				s.entries(readBatch - 1)
				s.takes(readBatch-1, 2)
				s.entries(1)
				s.takes(1, 3)
			})
		})
	}
}

// TestStatusOfThePull: what the server says of the pull under way ends it, or the reader.
func TestStatusOfThePull(t *testing.T) {
	for _, tt := range []struct {
		code, description string
		fails             string
		again             bool // another pull is sent
	}{
		{"100", "Idle Heartbeat", "", false},
		{"404", "No Messages", "", true},
		{"408", "Request Timeout", "", true},
		{"409", "Message Size Exceeds MaxBytes", "", true},
		{"409", "Batch Completed", "", true},
		{"409", "Consumer Deleted", "Consumer Deleted", false},
		{"409", "Leadership Change", "Leadership Change", false},
		{"409", "Server Shutdown", "Server Shutdown", false},
		{"503", "", "503", false},
		{"400", "Bad Request", "400 Bad Request", false},
	} {
		t.Run(tt.code+" "+tt.description, func(t *testing.T) {
			scripted(t, func(t *testing.T, s *script) {
				s.takes(0, 1)
				s.entries(3)
				s.takes(3, 1)
				s.status(1, tt.code, tt.description)
				_, err := s.look()
				if err == nil != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("the reader ends with %v, want %q", err, tt.fails)
				}
				if again := len(s.pulls) == 2; again != tt.again {
					t.Errorf("%d pulls are sent", len(s.pulls))
				}
			})
		})
	}
}

// TestWaitingStatuses: a handler that takes longer than the pull lives finds the pull's entries,
// its heartbeats and its end.
func TestWaitingStatuses(t *testing.T) {
	scripted(t, func(_ *testing.T, s *script) {
		s.takes(0, 1)
		s.entries(readBatch)
		s.takes(readBatch, 2)
		s.status(1, "409", "Batch Completed")
		s.entries(readBatch - 1)
		for range readExpires / readBeat {
			s.status(2, "100", "Idle Heartbeat", headerConsumed, fmt.Sprint(s.sent))
		}
		s.status(2, "408", "Request Timeout")
		s.takes(readBatch-1, 3)
	})
}

// TestEntriesAreLost: a reader that has not got all that was sent says so at the next sign of it.
func TestEntriesAreLost(t *testing.T) {
	for name, sign := range map[string]func(s *script){
		"the next entry": func(s *script) { s.entries(1) },
		"a heartbeat":    func(s *script) { s.status(1, "100", "Idle Heartbeat", headerConsumed, fmt.Sprint(s.sent)) },
	} {
		t.Run(name, func(t *testing.T) {
			scripted(t, func(t *testing.T, s *script) {
				s.takes(0, 1)
				s.entries(3)
				s.takes(3, 1)
				s.status(1, "100", "Idle Heartbeat", headerConsumed, fmt.Sprint(s.sent))
				s.takes(0, 1)
				s.sent++ // and it does not arrive
				sign(s)
				if n, err := s.look(); n != 0 || err != errMissed { //nolint:errorlint // itself
					t.Errorf("the reader takes %d entries and ends with %v", n, err)
				}
			})
		})
	}
}

// TestSilentServer: only what is said of the pull under way is a sign that the server knows it.
func TestSilentServer(t *testing.T) {
	scripted(t, func(t *testing.T, s *script) {
		s.takes(0, 1)
		s.entries(readBatch)
		s.takes(readBatch, 2)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, err := s.r.next(ctx, nil, nil)
			ended <- err
		}()
		beats := func(pull, n int) error {
			for range n {
				time.Sleep(readBeat)
				s.status(pull, "100", "Idle Heartbeat")
			}
			synctest.Wait()
			select {
			case err := <-ended:
				return err
			default:
				return nil
			}
		}
		if err := beats(2, 4); err != nil {
			t.Fatalf("the server says something, and the reader ends with %v", err)
		}
		if err := beats(1, 3); err == nil {
			t.Error("the reader waits for a pull that the server does not know, as long as it says something of another")
		}
	})
}

// backlog starts a server whose log has n entries of so many bytes in one partition.
func backlog(t *testing.T, n, bytes int) opened {
	s, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Port: natsembed.NoListener, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	b := openBoth(t, Config{InProcess: s, Partitions: 1}, nil)
	underWay := make(chan struct{}, 1000) // each has its time from when it is called
	var wg sync.WaitGroup
	for i := range n {
		underWay <- struct{}{}
		wg.Add(1)
		e := bus.NewEntry{Room: "room", Sender: "ann", ID: fmt.Sprintf("id%05d", i), Data: make([]byte, bytes)}
		b.Append(e, func(_ bus.Appended, err error) {
			if err != nil {
				t.Error(err)
			}
			<-underWay
			wg.Done()
		})
	}
	wg.Wait()
	return b
}

func openReader(t *testing.T, b opened) *reader {
	t.Helper()
	r, err := b.Driver.newReader(t.Context(), &partition{m: &member{group: "test", log: zap.NewNop()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close() })
	return r
}

// readBacklog reads n entries.
func readBacklog(t *testing.T, r *reader, n int) {
	t.Helper()
	var last uint64
	for got := 0; got < n; {
		batch, err := r.next(t.Context(), nil, nil)
		if err != nil {
			t.Fatalf("after %d of %d entries and %d pulls: %v", got, n, r.pulls, err)
		}
		for _, e := range batch {
			if e.Seq <= last {
				t.Fatalf("entry %d after %d", e.Seq, last)
			}
			last = e.Seq
		}
		got += len(batch)
	}
}

// TestBacklogIsPulledOnce: a real server ends each pull by a status, which may come after the next
// one was sent. That one stays the only one.
func TestBacklogIsPulledOnce(t *testing.T) {
	t.Parallel()
	const pulls = 40
	r := openReader(t, backlog(t, pulls*readBatch, 10))
	readBacklog(t, r, pulls*readBatch)
	if r.pulls != pulls {
		t.Errorf("%d pulls for what takes %d", r.pulls, pulls)
	}
}

// TestBytesOfAPull: a pull may end because its bytes are used up, exactly or but for what the next
// entry needs.
func TestBytesOfAPull(t *testing.T) {
	t.Parallel()
	const n = 9 // each is as long as the others on the way: all numbers in it have as many digits
	b := backlog(t, n, 1000)
	first := openReader(t, b)
	if err := first.ask(); err != nil {
		t.Fatal(err)
	}
	size := (<-first.msgs).Size()
	for budget, pulls := range map[int]uint64{3 * size: 3, 3*size - 1: 5, 3*size + 1: 3} {
		r := openReader(t, b)
		_ = r.sub.Unsubscribe()
		if err := r.open(budget); err != nil {
			t.Fatal(err)
		}
		readBacklog(t, r, n)
		if r.pulls != pulls {
			t.Errorf("%d pulls of %d bytes for %d entries of %d, want %d", r.pulls, budget, n, size, pulls)
		}
	}
}

// TestDroppedInThisProcess: what the client library drops is missed at once, also if nothing comes
// after it.
func TestDroppedInThisProcess(t *testing.T) {
	t.Parallel()
	r := openReader(t, backlog(t, readBatch, 10))
	_ = r.sub.Unsubscribe()
	r.msgs = make(chan *nats.Msg, 4)
	var err error
	if r.sub, err = r.b.main.ChanSubscribe(r.inbox+"*", r.msgs); err != nil {
		t.Fatal(err)
	}
	if err := r.ask(); err != nil {
		t.Fatal(err)
	}
	for dropped := 0; dropped == 0; time.Sleep(time.Millisecond) {
		if dropped, err = r.sub.Dropped(); err != nil || t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	if batch, err := r.next(t.Context(), nil, nil); len(batch) != 0 || err != errMissed { //nolint:errorlint // itself
		t.Errorf("the reader takes %d entries and ends with %v", len(batch), err)
	}
}
