package natsbus

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hubbub.internal/libs/bus/driver"
)

// bucket is the server's bucket of one key, and says of updates what fails.
type bucket struct {
	jetstream.KeyValue
	value     []byte
	revision  uint64
	lost      error  // what the next update returns although it is done
	fails     error  // what the next update returns, and is not done
	away      error  // what every Get returns
	meanwhile func() // called before the next update
	updates   int
}

type value struct {
	jetstream.KeyValueEntry
	b bucket
}

func (v value) Value() []byte    { return v.b.value }
func (v value) Revision() uint64 { return v.b.revision }

func (b *bucket) Get(context.Context, string) (jetstream.KeyValueEntry, error) {
	if b.away != nil {
		return nil, b.away
	}
	if b.revision == 0 {
		return nil, jetstream.ErrKeyNotFound
	}
	return value{b: *b}, nil
}

func (b *bucket) Update(_ context.Context, _ string, data []byte, revision uint64) (uint64, error) {
	b.updates++
	if f := b.meanwhile; f != nil {
		b.meanwhile = nil
		f()
	}
	if err := b.fails; err != nil {
		b.fails = nil
		return 0, err
	}
	if revision != b.revision {
		return 0, fmt.Errorf("update: %w", jetstream.ErrKeyRevisionMismatch)
	}
	b.value, b.revision = data, b.revision+1
	err := b.lost
	b.lost = nil
	return b.revision, err
}

func (b *bucket) set(text string) {
	b.value, b.revision = []byte(text), b.revision+1
}

// TestSetOffset: an offset is written once, also when the acknowledgement is lost; who was taken
// over is told so, and who does not know tries again.
func TestSetOffset(t *testing.T) {
	mine := offset{Owner: "me", Seq: 7}
	for name, tt := range map[string]struct {
		spoil func(*bucket)
		next  uint64
		err   error
		seq   uint64 // what is stored then
	}{
		"good":                        {func(*bucket) {}, 2, nil, 7},
		"the acknowledgement is lost": {func(b *bucket) { b.lost = nats.ErrTimeout }, 2, nil, 7},
		"a retry met the first":       {func(b *bucket) { b.lost = jetstream.ErrKeyRevisionMismatch }, 2, nil, 7},
		"it did not come":             {func(b *bucket) { b.fails = nats.ErrTimeout }, 0, nats.ErrTimeout, 3},
		"somebody took over":          {func(b *bucket) { b.set(`{"owner":"other","seq":3}`) }, 0, driver.ErrLost, 3},
		"taken over, and no answer": {func(b *bucket) {
			b.set(`{"owner":"other","seq":3}`)
			b.fails = nats.ErrTimeout
		}, 0, driver.ErrLost, 3},
		"an older store was put back": {func(b *bucket) { b.revision = 0 }, 0, driver.ErrLost, 3},
		"the server is away":          {func(b *bucket) { b.fails, b.away = nats.ErrTimeout, nats.ErrTimeout }, 0, nats.ErrTimeout, 3},
	} {
		kv := &bucket{}
		kv.set(`{"owner":"me","seq":3}`)
		b := &store{state: kv}
		tt.spoil(kv)
		next, err := b.setOffset(t.Context(), "group", 1, mine, 1)
		if next != tt.next || !errors.Is(err, tt.err) || tt.err == nil && err != nil {
			t.Errorf("%s: revision %d, %v, want %d, %v", name, next, err, tt.next, tt.err)
		}
		kv.away = nil
		if kv.revision == 0 {
			continue // nothing is there
		}
		if o, revision, err := b.offset(t.Context(), "group", 1); err != nil || o.Seq != tt.seq || revision != kv.revision {
			t.Errorf("%s: stored is %+v at %d, %v", name, o, revision, err)
		}
	}
	kv := &bucket{}
	b := &store{state: kv}
	if o, revision, err := b.offset(t.Context(), "group", 1); err != nil || o != (offset{}) || revision != 0 {
		t.Errorf("of a new group: %+v, %d, %v", o, revision, err)
	}
	kv.set("nonsense")
	if o, _, err := b.offset(t.Context(), "group", 1); err == nil {
		t.Errorf("what cannot be read is %+v", o)
	}
	kv.away = nats.ErrTimeout
	if o, _, err := b.offset(t.Context(), "group", 1); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("away: %+v, %v", o, err)
	}
}

// TestRaise: a mark is never lowered, whoever else writes it at the same time.
func TestRaise(t *testing.T) {
	kv := &bucket{}
	b := &store{state: kv}
	is := func(what string, want string, updates int) {
		t.Helper()
		if string(kv.value) != want || kv.updates != updates {
			t.Errorf("%s: %s after %d writes, want %s after %d", what, kv.value, kv.updates, want, updates)
		}
	}
	for _, step := range []struct {
		seq     uint64
		want    string
		updates int
	}{{5, "5", 1}, {5, "5", 1}, {4, "5", 1}, {6, "6", 2}} {
		if err := b.raise(t.Context(), "mark", step.seq); err != nil {
			t.Fatal(err)
		}
		is(fmt.Sprint("raised to ", step.seq), step.want, step.updates)
	}
	kv.meanwhile = func() { kv.set("8") }
	if err := b.raise(t.Context(), "mark", 7); err != nil {
		t.Fatal(err)
	}
	is("another was faster, and higher", "8", 3)
	kv.meanwhile = func() { kv.set("9") }
	if err := b.raise(t.Context(), "mark", 10); err != nil {
		t.Fatal(err)
	}
	is("another was faster, and lower", "10", 5)
	kv.set("nonsense")
	if err := b.raise(t.Context(), "mark", 11); err != nil {
		t.Fatal(err)
	}
	is("what cannot be read is replaced", "11", 6)
	kv.fails = nats.ErrTimeout
	if err := b.raise(t.Context(), "mark", 12); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("a write that fails: %v", err)
	}
	kv.away = nats.ErrTimeout
	if err := b.raise(t.Context(), "mark", 12); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("a read that fails: %v", err)
	}
	if _, err := b.mark(t.Context(), "mark"); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("a mark that cannot be had: %v", err)
	}
	kv.away = nil
	if seq, err := b.mark(t.Context(), "mark"); err != nil || seq != 11 {
		t.Errorf("the mark is %d, %v", seq, err)
	}
	if seq, err := (&store{state: &bucket{}}).mark(t.Context(), "mark"); err != nil || seq != 0 {
		t.Errorf("no mark is %d, %v", seq, err)
	}
}
