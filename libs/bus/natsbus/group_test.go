package natsbus

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
)

// holding is a member's set of partitions that only counts.
type holding struct {
	n     int
	taken []int // by Assign
}

func (h *holding) Count() (all, staying int)              { return h.n + len(h.taken), h.n + len(h.taken) }
func (h *holding) Has(p int) bool                         { return slices.Contains(h.taken, p) }
func (h *holding) Each(func(driver.Partition))            {}
func (h *holding) Assign(p driver.Partition)              { h.taken = append(h.taken, p.Number()) }
func (h *holding) GiveUp(_ int, _ func(driver.Partition)) {}
func (h *holding) Lose(driver.Partition)                  {}

// roomIn returns a room of a partition.
func (b *trimming) roomIn(partition int) string {
	for i := 0; ; i++ {
		if room := fmt.Sprint("room", i); b.Driver.names.partition(room) == partition {
			return room
		}
	}
}

func (b *trimming) consumed(group string, partition int, o offset) {
	b.t.Helper()
	_, revision, err := b.Driver.offset(b.t.Context(), group, partition)
	if err == nil {
		_, err = b.Driver.setOffset(b.t.Context(), group, partition, o, revision)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// TestWhatGroupsHaveNotRead: what required groups have yet to consume is known by its oldest entry,
// in whichever partition that is, and retention stops before it. Of a group that is retired nothing
// is left, but whoever is configured with it keeps it.
func TestWhatGroupsHaveNotRead(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{Groups: []string{"b"}})
	d, ctx := b.Driver, t.Context()
	late, early := b.roomIn(0), b.roomIn(1)
	first := b.say(early) // in the second partition
	second, third := b.say(late), b.say(late)
	end := b.say(early).Seq + 1
	m, err := d.askLeader(ctx, d.names.stream, getRequest{Seq: first.Seq})
	if err != nil {
		t.Fatal(err)
	}
	unread := func(what string, want uint64) {
		t.Helper()
		if got, err := d.firstUnread(ctx, end); got != want || err != nil {
			t.Errorf("%s: the first entry that is not read is %d, %v, want %d", what, got, err, want)
		}
	}
	unread("nothing is read", first.Seq)
	if all, err := d.Required(ctx); err != nil || len(all) != 1 || all[0].Name != "b" || !all[0].Unread.Equal(m.Time) {
		t.Errorf("the groups are %+v, %v, want b with %s", all, err, m.Time)
	}
	b.consumed("b", 1, offset{Seq: first.Seq})
	unread("the first is read", second.Seq)
	b.consumed("b", 0, offset{Seq: second.Seq})
	unread("the first two are read", third.Seq)
	b.consumed("b", 0, offset{Seq: third.Seq})
	unread("the first three are read", end-1)
	b.consumed("b", 1, offset{Seq: end - 1})
	unread("everything is read", end)
	if err := b.Retire(ctx, "b"); err != nil {
		t.Fatal(err)
	}
	for n := range d.cfg.Partitions {
		if o, revision, err := d.offset(ctx, "b", n); o != (offset{}) || revision != 0 || err != nil {
			t.Errorf("partition %d of a group that is retired: %+v, %d, %v", n, o, revision, err)
		}
	}
	if groups, err := d.groups(ctx); err != nil || !slices.Equal(groups, []string{"b"}) {
		t.Errorf("the groups are %v, %v", groups, err)
	}
}

// TestBehind: a group is behind as long as it lacks an entry that is there, at or before the ends;
// entries that were removed, and those after the ends, are nothing to wait for.
func TestBehind(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{})
	room := b.roomIn(1)
	first, second := b.say(room), b.say(room)
	ends, err := b.Driver.Ends(t.Context())
	if err != nil || !slices.Equal(ends, []uint64{0, second.Seq}) {
		t.Fatalf("the ends are %v, %v", ends, err)
	}
	is := func(what string, want bool) {
		t.Helper()
		if got, err := b.Driver.Behind(t.Context(), "g", ends); got != want || err != nil {
			t.Errorf("%s: %t, %v", what, got, err)
		}
	}
	is("nothing is read", true)
	b.consumed("g", 1, offset{Seq: first.Seq})
	is("the last entry is not read", true)
	b.remove(room, second)
	is("the last entry is removed", false)
	b.say(room)
	is("there is another, after the ends", false)
	b.consumed("g", 1, offset{Seq: second.Seq})
	is("everything is read", false)
}

func (b *trimming) member(h *holding) *member {
	m, err := b.Driver.Join(b.t.Context(), "group", h)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(m.Leave)
	return m.(*member)
}

// TestMemberCountsAsDead: a member that nobody answers for counts as dead after looksGone looks in
// a row, one that does not answer after looksSilent. An answer, and a lost connection, begin the
// count again.
func TestMemberCountsAsDead(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{})
	m := b.member(&holding{})
	look := func(what string, want bool) {
		t.Helper()
		// The time that a silent member has is not the test's.
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if what != "silent" {
			ctx = t.Context()
		}
		if got := m.alive(ctx, "other"); got != want {
			t.Errorf("%s: alive is %t after %d looks without a member and %d without an answer", what, got, m.gone["other"], m.silent["other"])
		}
	}
	look("gone", true)
	other, err := b.Driver.main.Subscribe(b.Driver.names.member+"other", func(q *nats.Msg) { _ = q.Respond(nil) })
	if err != nil {
		t.Fatal(err)
	}
	m.silent["other"] = looksSilent - 1
	look("it answers", true)
	_ = other.Unsubscribe()
	look("gone", true)
	m.gone["other"]-- // as it was
	b.consumed("group", 1, offset{Owner: "other"})
	for range looksGone { // a look after each of so many lost connections
		up, cut := context.WithCancel(t.Context())
		cut()
		m.up = up
		if _, err := m.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if h := m.held.(*holding); !slices.Equal(h.taken, []int{0}) {
		t.Errorf("after lost connections the member has taken partitions %v, want the free one", h.taken)
	}
	look("gone", false)

	silent, err := b.Driver.main.SubscribeSync(b.Driver.names.member + "other")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Unsubscribe() }()
	clear(m.gone)
	for range looksSilent - 1 {
		look("silent", true)
	}
	look("silent", false)
}

// TestBalance: a member asks the one that has the most partitions for one, if that has two more.
func TestBalance(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{})
	asked := make(chan string, 10)
	for _, id := range []string{"large", "small"} {
		sub, err := b.Driver.main.Subscribe(b.Driver.names.member+id, func(q *nats.Msg) {
			asked <- id + " by " + string(q.Data)
			_ = q.Respond(nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = sub.Unsubscribe() }()
	}
	m := &member{b: b.Driver, id: "me", held: &holding{n: 3}, log: zap.NewNop(), gone: map[string]int{}, silent: map[string]int{}}
	for _, tt := range []struct {
		owners map[string]int
		gone   int // how often the large one did not answer
		want   []string
	}{
		{map[string]int{}, 0, nil},
		{map[string]int{"large": 4, "small": 3}, 0, nil},
		{map[string]int{"large": 5, "small": 4}, 0, []string{"large by me"}},
		{map[string]int{"large": 5, "small": 4}, 1, nil},
	} {
		m.gone["large"] = tt.gone
		m.balance(t.Context(), tt.owners) // it waits for the answer
		var got []string
		for len(asked) > 0 {
			got = append(got, <-asked)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("with %v, and %d without an answer: %q, want %q", tt.owners, tt.gone, got, tt.want)
		}
	}
}

// TestNotesOfRemovedEntries: retention forgets the notes about removed entries that it has come
// past, and keeps the others.
func TestNotesOfRemovedEntries(t *testing.T) {
	t.Parallel()
	b := newTrimming(t, Config{MaxAge: 50 * time.Millisecond})
	old := b.say("room")
	b.remove("room", old)
	last := b.say("room")
	young := b.say("room")
	b.remove("room", young)
	b.trimPast(last.Seq)
	for at, want := range map[uint64]bool{old.Seq: false, young.Seq: true} {
		if got, err := b.Driver.wasRemoved(t.Context(), at); got != want || err != nil {
			t.Errorf("the note about %d: %t, %v, want %t", at, got, err, want)
		}
	}
}
