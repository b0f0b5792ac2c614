package listeners

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/bus/membus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeDirectory is a directory with some listeners.
type fakeDirectory struct {
	mu    sync.Mutex
	all   []directoryapi.Listener
	away  bool
	asked int
}

func (d *fakeDirectory) Reachable(_ context.Context, r directoryapi.ReachableRequest) (out directoryapi.Reachable, _ error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.away {
		return out, errors.New("away")
	}
	for i, l := range d.all {
		if r.User == l.User || r.User == "" && l.User > r.After {
			out.People = append(out.People, l)
			if r.User == "" && i < len(d.all)-1 {
				out.Next = l.User // a page of one
				break
			}
		}
	}
	return out, nil
}

func (d *fakeDirectory) set(all ...directoryapi.Listener) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = all
}

func with(user string, c attention.Choices, rooms ...string) directoryapi.Listener {
	return directoryapi.Listener{User: user, Choices: c, Rooms: rooms}
}

func loaded(t *testing.T, all ...directoryapi.Listener) *Listeners {
	t.Helper()
	a := New(nil, &fakeDirectory{all: all}, zap.NewNop())
	if err := a.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestWordsInTexts(t *testing.T) {
	for _, tt := range []struct {
		word, text string
		want       bool
	}{
		{"deploy", "Let us DEPLOY now", true}, {"deploy", "redeployed", false}, {"deploy", "a deploy-day", true},
		{"straße", "STRASSE", true}, {"istanbul", "İSTANBUL'da", true}, {"memes", "Mêmes!", true}, {"on call", "who is on  call?", true},
		{"on call", "on a call", false}, {"小明", "你好小明请看", true}, {"小明", "小红", false}, {"明", "你好小明请看", true}, {"红", "小明", false},
		{"प्रिया", "हाय प्रिया", true}, {"प", "हाय प्रिया", false}, {"C++", "write C", true}, {"!", "wow!", false}, {"🚀", "up 🚀 we go", true},
		{"明", "x 明 y", true}, {"on 明", "on 明天", true}, {"on 明", "on 天", false}, {"on 明", "on 明", true}, {"on 明天", "online 明天", false}, {"so on 明", "so online 明天", false}, {"so on 明", "so on 明天", true}, {"明 on", "明 online", false},
		{"on call", "on caller", false}, {"deploy", "deploy, deploy", true},
	} {
		a := loaded(t, with("ann", attention.Choices{Words: []string{tt.word}}))
		if got := len(a.Words(tt.text)) == 1; got != tt.want {
			t.Errorf("%q in %q: %v", tt.word, tt.text, got)
		}
	}
}

func TestListenersToEverything(t *testing.T) {
	a := loaded(t,
		with("ann", attention.Choices{Level: attention.Everything, Rooms: map[string]attention.Level{"b": attention.Nothing}}, "a", "b", "c"),
		with("bob", attention.Choices{Rooms: map[string]attention.Level{"a": attention.Everything}}),
		with("cyd", attention.Choices{}))
	is := func(room string, want ...string) {
		t.Helper()
		if got := slices.Sorted(slices.Values(a.Of(room))); !slices.Equal(got, want) {
			t.Errorf("of %s: %v, want %v", room, got, want)
		}
	}
	is("a", "ann", "bob")
	is("b")
	is("c", "ann")
	a.Member("ann", "d", true)
	a.Member("ann", "d", true)
	a.Member("ann", "b", true)
	a.Member("bob", "d", true)
	a.Member("nobody", "d", true)
	is("d", "ann")
	is("b")
	before := a.Of("a")
	a.Member("ann", "a", false)
	a.Member("bob", "a", false) // bob chose the room: membership does not matter
	is("a", "bob")
	if !slices.Equal(slices.Sorted(slices.Values(before)), []string{"ann", "bob"}) {
		t.Errorf("a slice that Of returned before has changed to %v", before)
	}
	a.Member("ann", "c", false)
	is("c")
	a.Member("ann", "c", true)
	is("c", "ann")
	a.put(with("dan", attention.Choices{Level: attention.Everything, Rooms: map[string]attention.Level{"e": attention.Everything}, Words: []string{"tea"}}, "e", "f"))
	is("e", "dan")
	is("f", "dan")
	a.put(with("dan", attention.Choices{}))
	is("e")
	is("f")
	a.put(with("cyd", attention.Choices{}))
	if !a.Reaches("cyd") || a.Reaches("eve") || len(a.Everybody()) != 4 || a.Size() != 4 {
		t.Errorf("%v can be reached", a.Everybody())
	}
	for _, user := range a.Everybody() {
		a.drop(user)
	}
	if len(a.people)+len(a.rooms)+len(a.words) != 0 {
		t.Errorf("%v, %v and %v of people who have gone are kept", a.people, a.rooms, a.words)
	}
}

// TestTooManyChanges: when too many changes wait, Listeners asks for everybody.
func TestTooManyChanges(t *testing.T) {
	a := New(nil, &fakeDirectory{}, zap.NewNop())
	for range maxChanged {
		a.hear([]byte("ann"))
	}
	if len(a.lost) != 0 {
		t.Error("a change that is kept counts as lost")
	}
	a.hear([]byte("bob"))
	a.hear([]byte("bob"))
	if len(a.lost) != 1 {
		t.Error("a lost change does not cause a reload")
	}
}

// TestLogsThatDirectoryIsAway: Listeners logs at once and then every half minute that the directory
// is away.
func TestLogsThatDirectoryIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := membus.NewServer(membus.Options{}).Open()
		d := &fakeDirectory{away: true}
		core, logs := observer.New(zap.InfoLevel)
		a := New(b, d, zap.New(core))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		time.Sleep(65 * time.Second)
		d.mu.Lock()
		asked := d.asked
		d.mu.Unlock()
		var levels []zapcore.Level
		for _, e := range logs.All() {
			levels = append(levels, e.Level)
		}
		if want := []zapcore.Level{zap.InfoLevel, zap.WarnLevel, zap.WarnLevel}; !slices.Equal(levels, want) || asked < 60 {
			t.Errorf("it asked %d times, and logged %v", asked, logs.All())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = b.Close()
	})
}

// TestListenersFollow: Listeners follow the changes that the directory publishes, and ask for
// everybody when some were lost.
func TestListenersFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := membus.NewServer(membus.Options{}).Open()
		d := &fakeDirectory{all: []directoryapi.Listener{with("ann", attention.Choices{}), with("bob", attention.Choices{Words: []string{"x"}})}, away: true}
		a := New(b, d, zap.NewNop())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		time.Sleep(3 * time.Second)
		if a.Loaded() {
			t.Error("loaded without the directory")
		}
		d.mu.Lock()
		d.away = false
		d.mu.Unlock()
		time.Sleep(3 * time.Second)
		if !a.Loaded() || a.Size() != 2 {
			t.Errorf("loaded %v, %d", a.Loaded(), a.Size())
		}
		d.set(with("ann", attention.Choices{Words: []string{"y"}}))
		d.mu.Lock()
		asked := d.asked
		d.mu.Unlock()
		for _, user := range []string{"ann", "bob", "not an id"} {
			if err := b.Publish(directoryapi.ReachChannel, []byte(user)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		if a.Size() != 1 || len(a.Words("y")) != 1 || len(a.Words("x")) != 0 {
			t.Errorf("after the changes %v can be reached", a.Everybody())
		}
		d.mu.Lock()
		if d.asked -= asked; d.asked != 2 {
			t.Errorf("for two users the directory was asked %d times", d.asked)
		}
		d.mu.Unlock()
		d.set(with("ann", attention.Choices{}), with("cyd", attention.Choices{}))
		a.lost <- struct{}{} // as if changes had been lost
		time.Sleep(2 * time.Second)
		if a.Size() != 2 {
			t.Errorf("after lost changes %v can be reached", a.Everybody())
		}
		d.set() // without news of it
		time.Sleep(reloadEvery)
		if a.Size() != 0 {
			t.Errorf("%v can be reached", a.Everybody())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		_ = b.Close()
	})
}
