package redisbus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/chat"
)

// alone returns a bus without a server: what waits for one waits in its queues.
func alone(t *testing.T) *Driver {
	t.Helper()
	cfg := Config{Partitions: 2, KeepBytes: 1 << 20, Keep: time.Second, MaxBytes: 1 << 30}
	b := &Driver{
		servers: servers{cfg: cfg, log: zap.NewNop(), keys: newKeys("hub", 0, cfg.Partitions, chat.IsUserRoom), metrics: newMetrics(nil)},
		id:      strings.Repeat("i", idLen),
	}
	b.attach(driver.Host{Life: t.Context(), TrimSoon: func() {}})
	b.appends = newAppender(b, 1)
	return b
}

// outcomes are what appends were told, by id.
type outcomes map[string]error

func (o outcomes) add(t *testing.T, b *Driver, id string, size int) {
	t.Helper()
	err := b.appends.add(bus.NewEntry{Room: "room", Sender: "ann", ID: id, Data: make([]byte, size)}, func(_ bus.Appended, err error) {
		if _, twice := o[id]; twice {
			t.Errorf("%s is told twice", id)
		}
		o[id] = err
	})
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
}

func idOf(p *pending) string { return p.command[len(p.command)-4].(string) }

// TestLaneTakesBatches: a batch is as many appends, and as many bytes, as one may have, and one
// however large it is; all come in order, also those that are to be sent again.
func TestLaneTakesBatches(t *testing.T) {
	for _, size := range []int{0, 1, batchBytes/batchEntries + 1, bus.MaxData} {
		b := alone(t)
		l, told, n := b.appends.lanes[0], outcomes{}, 0
		for ; n < 2*batchEntries+3 && n*size < 3*batchBytes; n++ {
			told.add(t, b, fmt.Sprint(n), size)
		}
		most := batchEntries
		if size > 0 {
			most = min(most, batchBytes/size)
		}
		again := true
		for next := 0; next < n; {
			batch := l.nextBatch()
			if want := min(most, n-next); len(batch) != want {
				t.Fatalf("after %d of %d of %d bytes come %d, want %d", next, n, size, len(batch), want)
			}
			if again { // the last half of the first batch is
				half := len(batch) / 2
				l.requeue(batch[half:])
				batch, again = batch[:half], false
			}
			for _, p := range batch {
				if id := idOf(p); id != fmt.Sprint(next) {
					t.Fatalf("%s comes, want %d", id, next)
				}
				next++
			}
		}
		if batch := l.nextBatch(); len(batch) > 0 || l.queue != nil {
			t.Errorf("%d come after the last", len(batch))
		}
	}
	b := alone(t)
	l := b.appends.lanes[0]
	l.queue = []*pending{{bytes: 2 * batchBytes}, {bytes: 1}}
	if batch := l.nextBatch(); len(batch) != 1 {
		t.Errorf("%d come with what is larger than a batch", len(batch))
	}
}

// TestLaneExpires: what has waited for too long is told why, once, and the rest goes on.
func TestLaneExpires(t *testing.T) {
	b := alone(t)
	l, told := b.appends.lanes[0], outcomes{}
	for _, id := range []string{"late", "later", "last"} {
		told.add(t, b, id, 10)
	}
	own, all := errors.New("its own"), errors.New("of all")
	l.queue[0].why = own
	at := l.queue[0].deadline
	l.queue[1].deadline, l.queue[2].deadline = at, at.Add(time.Second)
	l.expire(at, all)
	if len(told) != 0 {
		t.Errorf("given up at the deadline: %v", told)
	}
	l.expire(at.Add(time.Millisecond), all)
	if len(told) != 2 || !errors.Is(told["late"], own) || !errors.Is(told["later"], all) || !errors.Is(told["late"], bus.ErrUnavailable) || !errors.Is(told["later"], bus.ErrUnavailable) {
		t.Errorf("told %v", told)
	}
	if n, bytes := b.appends.entries.Load(), b.appends.bytes.Load(); n != 1 || bytes != 10 {
		t.Errorf("%d appends of %d bytes wait", n, bytes)
	}
	l.expire(at.Add(time.Minute), nil)
	if err := told["last"]; !errors.Is(err, errTooMany) || !errors.Is(err, bus.ErrUnavailable) {
		t.Errorf("the last: %v", err)
	}
	told.add(t, b, "open", 10)
	l.close()
	if err := told["open"]; !errors.Is(err, bus.ErrClosed) || len(told) != 4 {
		t.Errorf("told at the end %v", told)
	}
	if err := b.appends.add(bus.NewEntry{Room: "room", Sender: "ann", ID: "x"}, nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if n, bytes := b.appends.entries.Load(), b.appends.bytes.Load(); n != 0 || bytes != 0 {
		t.Errorf("%d appends of %d bytes wait for nothing", n, bytes)
	}
}

// TestAppendsAreBounded: as many appends and bytes wait as may, and the next ones are refused at
// once.
func TestAppendsAreBounded(t *testing.T) {
	b := alone(t)
	e := bus.NewEntry{Room: "room", Sender: "ann", ID: "x", Data: make([]byte, 10)}
	for what, set := range map[string]func(over int64){
		"entries": func(over int64) { b.appends.entries.Store(maxQueued - 1 + over) },
		"bytes":   func(over int64) { b.appends.bytes.Store(maxQueuedBytes - 10 + over) },
	} {
		set(0)
		if err := b.appends.add(e, nil); err != nil {
			t.Errorf("%s: the last that fits: %v", what, err)
		}
		set(1)
		if err := b.appends.add(e, nil); !errors.Is(err, bus.ErrUnavailable) || !errors.Is(err, errTooMany) {
			t.Errorf("%s: one too many: %v", what, err)
		}
		b.appends.entries.Store(0)
		b.appends.bytes.Store(0)
	}
}

// TestOutboxDropsWhatDoesNotFit: in order, in batches, and no more than may wait.
func TestOutboxDropsWhatDoesNotFit(t *testing.T) {
	b := alone(t)
	o := b.outbox
	for i := range outboxMessages + 5 {
		o.put("c", binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	next := uint32(0)
	for o.waiting() {
		batch := o.nextBatch()
		if len(batch) == 0 || len(batch) > batchEntries {
			t.Fatalf("%d come at once", len(batch))
		}
		for _, m := range batch {
			if n := binary.BigEndian.Uint32(m.data); n != next {
				t.Fatalf("%d comes, want %d", n, next)
			}
			next++
		}
	}
	if next != outboxMessages || o.bytes != 0 {
		t.Errorf("%d came, want %d; %d bytes are left", next, outboxMessages, o.bytes)
	}
	for range outboxBytes/bus.MaxData + 3 {
		o.put("c", make([]byte, bus.MaxData))
	}
	if len(o.queue) != outboxBytes/bus.MaxData || o.bytes != outboxBytes {
		t.Errorf("%d messages of %d bytes wait", len(o.queue), o.bytes)
	}
	if batch := o.nextBatch(); len(batch) != batchBytes/bus.MaxData || o.bytes != outboxBytes-batchBytes {
		t.Errorf("%d come at once, and %d bytes are left", len(batch), o.bytes)
	}
}

// TestServerReads: a request says who asks, how long that one waits, and what for; its answer goes
// there. What is no request is dropped, and an empty message is the server's fence.
func TestServerReads(t *testing.T) {
	b := alone(t)
	var got []driver.Call
	s := &server{b: b, service: "s", id: "me", fence: make(chan struct{}, 1), handle: func(c driver.Call) { got = append(got, c) }}
	q := binary.BigEndian.AppendUint64(nil, 7)
	q = binary.BigEndian.AppendUint32(q, 60_000)
	s.receive("", string(q)+strings.Repeat("a", idLen)+"data")
	s.receive("", "short")
	if len(got) != 1 || string(got[0].Data) != "data" || time.Until(got[0].Deadline) > time.Minute || time.Until(got[0].Deadline) < 50*time.Second {
		t.Fatalf("%+v", got)
	}
	for want, r := range map[string]driver.Reply{
		"\x00reply": {Data: []byte("reply")}, "\x01{}": {Error: []byte("{}")}, "\x02": {Busy: true},
	} {
		got[0].Answer(r)
		m := b.replies.nextBatch()
		if len(m) != 1 || m[0].channel != b.keys.reply(strings.Repeat("a", idLen)) || readUint64(string(m[0].data)) != 7 || string(m[0].data[8:]) != want {
			t.Errorf("the answer %+v is %q", r, m)
		}
	}
	for range 2 {
		s.receive("", "")
	}
	select {
	case <-s.fence:
	default:
		t.Error("the fence is not seen")
	}
}

// TestReplies: each request has the first reply to it and no other's, and what cannot be read is an
// error.
func TestReplies(t *testing.T) {
	b := alone(t)
	reply := func(number uint64, status byte, body string) string {
		return string(append(binary.BigEndian.AppendUint64(nil, number), status)) + body
	}
	one, first := b.calls.begin()
	other, second := b.calls.begin()
	b.calls.replied("", reply(other, statusOK, "b"))
	b.calls.replied("", reply(one, statusOK, "a"))
	b.calls.replied("", reply(one, statusOK, "late"))
	b.calls.replied("", "short")
	if x, y := <-first, <-second; x[1:] != "a" || y[1:] != "b" {
		t.Errorf("the replies are %q and %q", x, y)
	}
	gone, third := b.calls.begin()
	b.calls.end(gone)
	b.calls.replied("", reply(gone, statusOK, "c"))
	if len(third) > 0 || len(b.calls.waiting) > 0 {
		t.Errorf("a reply comes for who has gone; %d wait", len(b.calls.waiting))
	}
	for _, want := range []driver.Reply{{Data: []byte("x")}, {Error: []byte("{}")}, {Busy: true}} {
		r, err := decodeReply(string(encodeReply(1, want)[8:]))
		if err != nil || string(r.Data) != string(want.Data) || string(r.Error) != string(want.Error) || r.Busy != want.Busy {
			t.Errorf("%+v is read as %+v, %v", want, r, err)
		}
	}
	if _, err := decodeReply("\x09"); !errors.Is(err, errAnswer) {
		t.Errorf("an unknown status: %v", err)
	}
}

// TestRequestsAreForgotten: nothing is kept of a request that was given up, or for which nobody was
// found.
func TestRequestsAreForgotten(t *testing.T) {
	t.Parallel()
	b := openBoth(t, Config{URL: bustest.Redis(t).URL()}, nil)
	asked := make(chan struct{})
	serving, err := b.Serve(t.Context(), "slow", func(ctx context.Context, _ []byte) ([]byte, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer serving.Stop()
	if _, err := b.Request(t.Context(), "nobody", nil); !errors.Is(err, bus.ErrNoResponder) {
		t.Errorf("nobody answers: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	go func() { // as soon as it is under way
		select {
		case <-asked:
			cancel()
		case <-ctx.Done():
		}
	}()
	if _, err := b.Request(ctx, "slow", nil); err == nil {
		t.Error("a request that was given up is answered")
	}
	b.Driver.calls.mu.Lock()
	defer b.Driver.calls.mu.Unlock()
	if n := len(b.Driver.calls.waiting); n != 0 {
		t.Errorf("%d requests are remembered", n)
	}
}

// TestCodec: what is cut anywhere is no entry, and is not read beyond its end.
func TestCodec(t *testing.T) {
	e := bus.NewEntry{Room: "room", Sender: "ann", ID: "m1", Data: []byte("data")}
	r := string(encodeRecord(e))
	live := string(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 7), 5)) + string(rune(len(e.Room))) + e.Room + r
	got, err := decodeLive(live)
	if err != nil || got.Room != "room" || got.Seq != 7 || got.Prev != 5 || got.Sender != "ann" || got.ID != "m1" || string(got.Data) != "data" {
		t.Errorf("%+v, %v", got, err)
	}
	if ids := string(recordIDs([]byte(r))); ids != r[:len(r)-4] {
		t.Errorf("the ids of the record are %q", ids)
	}
	for n := range len(live) - len("data") {
		if got, err := decodeLive(live[:n]); err == nil {
			t.Errorf("the first %d bytes are %+v", n, got)
		}
	}
	if got, err := decodeLive(live[:len(live)-4]); err != nil || len(got.Data) != 0 {
		t.Errorf("without data: %+v, %v", got, err)
	}
	if _, err := decodeRecord("\x02" + r[1:]); err == nil {
		t.Error("another version is read")
	}
}

// TestTagged: the name of each key and channel tells its partition.
func TestTagged(t *testing.T) {
	for _, db := range []int{0, 12} {
		k := newKeys("hub", db, 123, chat.IsUserRoom)
		for p := range k.tags {
			for _, name := range []string{k.log(p), k.room(p, "r"), k.probe(p, "b", "f"), k.personal(p)} {
				if got := k.tagged(name); got != p {
					t.Fatalf("%s is of partition %d", name, got)
				}
			}
		}
		for _, room := range []string{"a", "room", "u-ann"} {
			if p := k.partition(room); k.tagged(k.live(room)) != p || k.tagged(k.once(p, bus.NewEntry{Room: room})) != p {
				t.Errorf("what is of %s is not of partition %d", room, p)
			}
		}
	}
}
