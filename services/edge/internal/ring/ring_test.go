package ring

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/gobwas/ws"
	"pgregory.net/rapid"

	"hubbub.internal/services/edge/internal/frame"
)

// modelFrame is a frame that was appended, in both forms.
type modelFrame struct {
	bytes     [forms][]byte
	pos, end  [forms]uint64
	seq, prev uint64
	id        string
}

// model is a list of everything that was appended.
type model struct {
	all           []modelFrame
	head, rewound [forms]uint64
	seq, floor    uint64
	packing       int
}

func (m *model) place(f *modelFrame, form int, b []byte) {
	f.bytes[form], f.pos[form] = b, m.head[form]
	m.head[form] += uint64(len(b))
	f.end[form] = m.head[form]
}

// TestRing holds the ring against the model.
func TestRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limits{Bytes: rapid.SampledFrom([]int{600, 4096, 100_000}).Draw(t, "bytes"), Entries: rapid.SampledFrom([]int{8, 64}).Draw(t, "entries"), Keep: 10}
		r := &Ring{}
		r.Start(5)
		m := &model{seq: 5, floor: 5}
		now, count := uint32(0), 0
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				count++
				msg := Message{Payload: bytes.Repeat([]byte{byte('a' + count%26)}, rapid.SampledFrom([]int{1, 60, 125, 126, 400, 3000, 70_000}).Draw(t, "size"))}
				if rapid.Bool().Draw(t, "compressed") {
					msg.Packed = bytes.Repeat([]byte{byte('A' + count%26)}, len(msg.Payload)/3+1)
				}
				f := modelFrame{}
				if rapid.IntRange(0, 3).Draw(t, "live") > 0 {
					f.seq, f.prev, f.id = m.seq+rapid.Uint64Range(1, 3).Draw(t, "step"), m.seq, fmt.Sprint("i", count)
					m.seq = f.seq
				}
				msg.Seq, msg.Prev, msg.ID = f.seq, f.prev, f.id
				r.Append(l, msg, now)
				b := frame.Append(nil, ws.OpText, msg.Payload)
				m.place(&f, plain, b)
				if m.packing > 0 {
					if msg.Packed != nil {
						b = frame.Append(nil, ws.OpText, msg.Packed)
						b[0] = 0xc1
					}
					m.place(&f, packed, b)
				}
				m.all = append(m.all, f)
			},
			"time": func(t *rapid.T) { now += rapid.Uint32Range(0, 12).Draw(t, "seconds") },
			"trim": func(*rapid.T) { r.Trim(l, now) },
			"rewind": func(t *rapid.T) {
				m.seq = rapid.Uint64Range(1, 1000).Draw(t, "seq")
				r.Rewind(m.seq)
				m.head[plain]++
				m.head[packed]++
				m.rewound, m.all, m.floor = m.head, nil, m.seq
			},
			"lose": func(t *rapid.T) {
				m.seq += rapid.Uint64Range(1, 10).Draw(t, "seqs")
				r.Lose(m.seq)
				m.head[plain]++
				m.head[packed]++
				m.all, m.floor = nil, m.seq
			},
			"pack": func(*rapid.T) {
				r.Pack()
				if m.packing++; m.packing == 1 {
					for i := range m.all {
						m.place(&m.all[i], packed, m.all[i].bytes[plain])
					}
				}
			},
			"unpack": func(*rapid.T) {
				if m.packing > 0 {
					r.Unpack()
					m.packing--
				}
			},
			"": func(t *rapid.T) {
				m.forget(t, r, l)
				m.check(t, r.Plain())
				if r.Packing() != (m.packing > 0) {
					t.Fatal("does not know who reads")
				}
				if m.packing > 0 {
					m.check(t, r.Packed())
				} else if d := r.data; d != nil && d.lanes[packed].buf != nil {
					t.Fatal("holds compressed frames that nobody reads")
				}
			},
		})
	})
}

// forget drops what the ring has dropped, and holds the ring to its limits.
func (m *model) forget(t *rapid.T, r *Ring, l Limits) {
	tail := r.Plain().Tail()
	for len(m.all) > 0 && m.all[0].pos[plain] < tail {
		if m.all[0].seq != 0 {
			m.floor = m.all[0].seq
		}
		m.all = m.all[1:]
	}
	held := int(m.head[plain] - tail)
	if m.packing > 0 {
		held += int(m.head[packed] - r.Packed().Tail())
	}
	// What was put beside at Pack is not cut to the limit before the next frame comes.
	if len(m.all) > 1 && held > 2*l.Bytes || len(m.all) > l.Entries {
		t.Fatalf("holds %d bytes in %d frames", held, len(m.all))
	}
}

// first returns the position of the first frame at or after another whose seq is at least so great,
// or the head, and the seq of the entry before the first entry that is there.
func (m *model) first(form int, from, seq uint64) (pos, floor uint64) {
	pos, floor = m.head[form], m.seq
	for _, f := range slices.Backward(m.all) {
		if f.pos[form] >= from && f.seq >= seq {
			pos = f.pos[form]
		}
		if f.pos[form] >= from && f.seq != 0 {
			floor = f.prev
		}
	}
	return pos, floor
}

func (m *model) check(t *rapid.T, v View) {
	k := v.form
	if seq, pos := v.Head(); seq != m.seq || pos != m.head[k] {
		t.Fatalf("head is %d at %d, want %d at %d", seq, pos, m.seq, m.head[k])
	}
	tail := v.Tail()
	if len(m.all) > 0 && m.all[0].pos[k] != tail || len(m.all) == 0 && tail != m.head[k] && tail != m.rewound[k] {
		t.Fatalf("tail is %d, which is no frame's", tail)
	}
	for n, f := range m.all {
		limit := rapid.IntRange(1, 5000).Draw(t, "limit")
		out, to, status := v.Copy([]byte("x"), f.pos[k], limit)
		var want []byte
		wantTo := f.pos[k]
		for i, w := range m.all[n:] {
			if i > 0 && len(want)+len(w.bytes[k]) > limit {
				break
			}
			want, wantTo = append(want, w.bytes[k]...), w.end[k]
		}
		if status != Held || to != wantTo || !bytes.Equal(out[1:], want) {
			t.Fatalf("copy from %d: %d bytes to %d, %d; want %d to %d", f.pos[k], len(out)-1, to, status, len(want), wantTo)
		}
	}
	if tail > m.rewound[k] && v.Status(tail-1) != Fallen {
		t.Fatal("reads from before the tail")
	}
	if m.rewound[k] > 0 && v.Status(m.rewound[k]-1) != Rewound {
		t.Fatal("reads over a rewind")
	}
	// Where a reader goes on that was told of a rewind.
	at, from := v.Restart()
	first, floor := m.first(k, m.rewound[k], 0)
	if first = max(first, m.rewound[k]); len(m.all) == 0 {
		first = max(m.rewound[k], tail)
	}
	if at != floor || from != first {
		t.Fatalf("restart is %d at %d, want %d at %d", at, from, floor, first)
	}
	// From where a reader goes on that has entries which the ring had not yet.
	from, seq := rapid.Uint64Range(0, m.head[k]).Draw(t, "from"), rapid.Uint64Range(0, m.seq+3).Draw(t, "has")
	switch pos, done, status := v.Pass(from, seq); {
	case from < m.rewound[k] && status != Rewound, from >= m.rewound[k] && from < tail && status != Fallen, from >= max(m.rewound[k], tail) && status != Held:
		t.Fatalf("pass from %d: %d", from, status)
	case status != Held && (pos != from || done):
		t.Fatalf("pass from %d moves a reader that has fallen to %d, %v", from, pos, done)
	case status == Held:
		if want, _ := m.first(k, from, seq+1); pos != want || done != (want < m.head[k] || m.seq >= seq) {
			t.Fatalf("pass from %d with %d: %d, %v; want %d", from, seq, pos, done, want)
		}
	}
	at = rapid.Uint64Range(0, m.seq+3).Draw(t, "since")
	var since []byte
	first = m.head[k]
	for _, f := range m.all {
		if f.seq > at {
			first = min(first, f.pos[k])
			since = append(since, f.bytes[plain]...)
		}
	}
	out, through, pos, ok := v.Since(nil, at, 0, 1000, 1<<20)
	if want := at >= m.floor && at <= m.seq; ok != want || ok && (through != m.seq || pos != m.head[k] || !bytes.Equal(out, since)) {
		t.Fatalf("since %d: %v, %d bytes through %d; floor %d, seq %d", at, ok, len(out), through, m.floor, m.seq)
	}
	pos, ahead, ok := v.Attach(at)
	if want := at >= m.floor; ok != want || ok && (ahead != (at > m.seq) || !ahead && pos != first || ahead && pos != m.head[k]) {
		t.Fatalf("attach at %d: %d, %v, %v", at, pos, ahead, ok)
	}
}

// TestIdentity asks for what follows an entry by its id.
func TestIdentity(t *testing.T) {
	l := Limits{Bytes: 4096, Entries: 64, Keep: 10}
	r := &Ring{}
	r.Start(1)
	r.Append(l, Message{Payload: []byte("two"), Seq: 2, Prev: 1, ID: "b"}, 0)
	r.Append(l, Message{Payload: []byte("four"), Seq: 4, Prev: 2, ID: "d"}, 0)
	for _, tt := range []struct {
		seq uint64
		id  string
		ok  bool
	}{{2, "b", true}, {4, "d", true}, {2, "x", false}, {3, "b", false}, {1, "a", false}} {
		if _, _, _, ok := r.Plain().Since(nil, tt.seq, Hash(tt.id), 10, 1000); ok != tt.ok {
			t.Errorf("since %d %s: %v", tt.seq, tt.id, ok)
		}
	}
	if _, _, _, ok := r.Plain().Since(nil, 1, 0, 1, 1000); ok {
		t.Error("more entries than asked for")
	}
	size := len(frame.Append(nil, ws.OpText, []byte("two"))) + len(frame.Append(nil, ws.OpText, []byte("four")))
	if _, _, _, ok := r.Plain().Since(nil, 1, 0, 10, size-1); ok {
		t.Error("more bytes than asked for")
	}
	if out, _, _, ok := r.Plain().Since([]byte("before"), 1, 0, 2, size); !ok || len(out) != len("before")+size {
		t.Errorf("not as much as asked for: %d bytes, %v", len(out), ok)
	}
}

// TestIdleHoldsNothing shows that a room in which nothing happens any more gives its memory back.
func TestIdleHoldsNothing(t *testing.T) {
	l := Limits{Bytes: 1 << 20, Entries: 4096, Keep: 10}
	r := &Ring{}
	for i := range uint64(1000) {
		r.Append(l, Message{Payload: make([]byte, 100), Seq: i + 1, Prev: i, ID: "i"}, 0)
	}
	if len(r.data.lanes[plain].buf) < 100_000 {
		t.Errorf("%d bytes for 100,000 within the time to keep", len(r.data.lanes[plain].buf))
	}
	r.Append(l, Message{Payload: make([]byte, 100), Seq: 1001, Prev: 1000, ID: "i"}, 20)
	r.Trim(l, 25)
	if len(r.data.lanes[plain].buf) > 1024 {
		t.Errorf("%d bytes for one frame", len(r.data.lanes[plain].buf))
	}
	if r.Trim(l, 40); r.data != nil {
		t.Error("an idle ring holds a buffer")
	}
	if seq, _ := r.Plain().Head(); seq != 1001 {
		t.Errorf("head is %d", seq)
	}
}

// TestUnknown: a ring that knows no seq tells nothing, and one that is told of an entry first goes
// by that.
func TestUnknown(t *testing.T) {
	r := &Ring{}
	if _, _, _, ok := r.Plain().Since(nil, 0, 0, 10, 1000); ok {
		t.Error("knows what followed")
	}
	if _, _, ok := r.Plain().Attach(0); ok {
		t.Error("knows where to go on")
	}
	r.Append(Limits{Bytes: 4096, Entries: 64, Keep: 10}, Message{Payload: []byte("x"), Seq: 7, Prev: 5, ID: "i"}, 0)
	r.Start(3) // too late
	if seq, _ := r.Plain().Head(); seq != 7 {
		t.Errorf("the head is %d", seq)
	}
	if _, _, _, ok := r.Plain().Since(nil, 4, 0, 10, 1000); ok {
		t.Error("knows what was before the first entry")
	}
	if out, _, _, ok := r.Plain().Since(nil, 5, 0, 10, 1000); !ok || len(out) != 3 {
		t.Errorf("since 5: %d bytes, %v", len(out), ok)
	}
}

// TestBounds: neither the list of frames nor the buffers grow beyond what the limits ask for, and
// old frames go before anything grows.
func TestBounds(t *testing.T) {
	l := Limits{Bytes: 4096, Entries: 16, Keep: 10}
	r := &Ring{}
	r.Pack()
	add := func(n int, now uint32) {
		seq, _ := r.Plain().Head()
		r.Append(l, Message{Payload: make([]byte, n), Packed: make([]byte, n/2), Seq: seq + 1, Prev: seq, ID: "i"}, now)
	}
	for range 100 {
		add(10, 0)
	}
	if n := len(r.data.list); n != l.Entries {
		t.Errorf("there are places for %d frames", n)
	}
	for range 100 {
		add(1000, 0)
	}
	total := 0
	for form := range r.data.lanes {
		total += r.data.lanes[form].used(r.head[form])
	}
	if total > l.Bytes || total < l.Bytes/2 {
		t.Errorf("%d bytes are held", total)
	}
	o := &Ring{}
	for i := range uint64(8) {
		o.Append(l, Message{Payload: make([]byte, 50), Seq: i + 1, Prev: i}, uint32(i)*l.Keep)
	}
	if d := o.data; len(d.list) != minEntries || len(d.lanes[plain].buf) != minBytes {
		t.Errorf("for one frame at a time there are %d places and %d bytes", len(d.list), len(d.lanes[plain].buf))
	}
	o.Append(l, Message{Payload: make([]byte, 480), Seq: 9, Prev: 8}, 100)
	if d := o.data; len(d.lanes[plain].buf) != minBytes || o.Plain().Status(o.Plain().Tail()) != Held {
		t.Errorf("the buffer has grown to %d bytes for old frames", len(d.lanes[plain].buf))
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	l := Limits{Bytes: 4096, Entries: 64, Keep: 10}
	r := &Ring{}
	r.Pack()
	payload := make([]byte, 100)
	seq := uint64(0)
	add := func() {
		seq++
		r.Append(l, Message{Payload: payload, Packed: payload[:50], Seq: seq, Prev: seq - 1, ID: "id"}, 0)
	}
	for range 1000 {
		add()
	}
	dst := make([]byte, 0, 8192)
	if n := testing.AllocsPerRun(1000, func() {
		add()
		_, _, _ = r.Plain().Copy(dst, r.Plain().Tail(), 4096)
		_, _, _ = r.Packed().Copy(dst, r.Packed().Tail(), 4096)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
