package bustest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"hubbub.internal/libs/bus"
)

var liveTests = map[string]func(*testing.T, *suite){
	"live: from bus to bus, in order":     checkLiveOrder,
	"live: several subscribers, and Stop": checkLiveStop,
	"live: channels are apart":            checkLiveApart,
	"live: bytes":                         checkLiveBytes,
	"live: what is refused":               checkLiveRefuses,
	"probe":                               checkProbe,
}

// listener records the messages of a channel.
type listener struct {
	sub bus.Subscription

	mu   sync.Mutex
	got  []string
	done bool
	late bool
}

func listen(t testing.TB, b bus.Live, channel string) *listener {
	t.Helper()
	l := &listener{}
	var err error
	l.sub, err = b.Subscribe(within(t), channel, func(data []byte) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.late = l.late || l.done
		l.got = append(l.got, string(data))
		clear(data) // the slice is the callback's until it returns
	})
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	t.Cleanup(l.sub.Stop)
	return l
}

func (l *listener) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.got)
}

func publish(t testing.TB, b bus.Live, channel, data string) {
	t.Helper()
	if err := b.Publish(channel, []byte(data)); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

// heard publishes on a channel over b until the listener receives it, and then returns when every
// published message has arrived: the servers of a cluster tell each other who has subscribed, which
// takes a moment.
func heard(t testing.TB, b bus.Live, channel string, l *listener) {
	t.Helper()
	last := 0
	eventually(t, "the first message arrives", func() bool {
		if len(l.all()) > 0 {
			return true
		}
		last++
		publish(t, b, channel, fmt.Sprint("try ", last))
		return false
	})
	eventually(t, "the last try arrives", func() bool { return slices.Contains(l.all(), fmt.Sprint("try ", last)) })
}

func (l *listener) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got = nil
}

func checkLiveOrder(t *testing.T, s *suite) {
	other := s.open(t)
	channel := name("typing") + ".room.x_1"
	here, there := listen(t, s.bus, channel), listen(t, other, channel)
	heard(t, s.bus, channel, there)
	eventually(t, "the same messages arrive here", func() bool { return slices.Contains(here.all(), there.all()[len(there.all())-1]) })
	var want []string
	for _, l := range []*listener{here, there} {
		l.clear()
	}
	for i := range 500 {
		want = append(want, fmt.Sprint("message ", i))
		publish(t, s.bus, channel, want[i])
	}
	for _, l := range []*listener{here, there} {
		eventually(t, "all messages arrive", func() bool { return len(l.all()) >= len(want) })
		if !slices.Equal(l.all(), want) {
			t.Errorf("got %q", l.all())
		}
	}
}

func checkLiveStop(t *testing.T, s *suite) {
	channel := name("chan")
	ls := []*listener{listen(t, s.bus, channel), listen(t, s.bus, channel), listen(t, s.bus, channel)}
	publish(t, s.bus, channel, "1")
	for _, l := range ls {
		eventually(t, "the message arrives", func() bool { return len(l.all()) == 1 })
	}
	l := ls[1]
	l.sub.Stop()
	l.mu.Lock()
	l.done = true
	l.mu.Unlock()
	l.sub.Stop()
	publish(t, s.bus, channel, "2")
	for _, l := range []*listener{ls[0], ls[2]} {
		eventually(t, "the others go on", func() bool { return len(l.all()) == 2 })
		l.sub.Stop()
	}
	again := listen(t, s.bus, channel)
	publish(t, s.bus, channel, "3")
	eventually(t, "a new subscriber gets what comes then", func() bool { return slices.Equal(again.all(), []string{"3"}) })
	if l.late || len(l.all()) != 1 {
		t.Errorf("after Stop: %q", l.all())
	}
}

func checkLiveApart(t *testing.T, s *suite) {
	n := name("room") // also the name of a room and of a service
	f := s.follow(t, s.bus, n)
	a, b, c := listen(t, s.bus, n), listen(t, s.bus, n+".a"), listen(t, s.bus, n+".a.b")
	log := fill(t, s.bus, n, 1)
	publish(t, s.bus, n, "1")
	publish(t, s.bus, n+".a", "2")
	publish(t, s.bus, n+".a.b", "3")
	for i, l := range []*listener{a, b, c} {
		eventually(t, "the message arrives", func() bool { return slices.Equal(l.all(), []string{fmt.Sprint(i + 1)}) })
	}
	f.has(t, log)
}

func checkLiveBytes(t *testing.T, s *suite) {
	channel := name("chan")
	l, m := listen(t, s.bus, channel), listen(t, s.bus, channel) // each may overwrite its message
	for i, data := range [][]byte{{}, {0, '\r', '\n', 0xff}, bytes.Repeat([]byte("x"), bus.MaxData)} {
		mine := bytes.Clone(data)
		if err := s.bus.Publish(channel, mine); err != nil {
			t.Fatal(err)
		}
		clear(mine) // the slice is the caller's again
		for _, l := range []*listener{l, m} {
			eventually(t, "the message arrives", func() bool { return len(l.all()) == i+1 })
			if l.all()[i] != string(data) {
				t.Errorf("%d bytes came back as others", len(data))
			}
		}
	}
}

func checkLiveRefuses(t *testing.T, s *suite) {
	for _, bad := range []string{"", ".", "a.", ".a", "a..b", "a b", "a.*", ">", "a.b.c.d.e", "a:b"} {
		if err := s.bus.Publish(bad, nil); !errors.Is(err, bus.ErrBadName) {
			t.Errorf("publish to %q: %v, want ErrBadName", bad, err)
		}
		if _, err := s.bus.Subscribe(within(t), bad, func([]byte) {}); !errors.Is(err, bus.ErrBadName) {
			t.Errorf("subscribe to %q: %v, want ErrBadName", bad, err)
		}
	}
	if err := s.bus.Publish("a", make([]byte, bus.MaxData+1)); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
}

func checkProbe(t *testing.T, s *suite) {
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := s.bus.Probe(within(t)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
