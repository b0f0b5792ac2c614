package ring

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/gobwas/ws"
	"pgregory.net/rapid"

	"hubbub.internal/services/edge/internal/frame"
)

// modelFrame is a frame that was appended.
type modelFrame struct {
	bytes     []byte
	pos, end  uint64
	seq, prev uint64
	id        string
}

// TestRing holds the ring against a list of everything that was appended.
func TestRing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limits{Bytes: rapid.SampledFrom([]int{600, 4096, 100_000}).Draw(t, "bytes"), Entries: rapid.SampledFrom([]int{8, 64}).Draw(t, "entries"), Keep: 10}
		r := &Ring{}
		r.Start(5)
		var all []modelFrame
		head, seq, rewound, floor, now := uint64(0), uint64(5), uint64(0), uint64(5), uint32(0)
		from := func(pos uint64) (frames []modelFrame) {
			for _, f := range all {
				if f.pos >= pos {
					frames = append(frames, f)
				}
			}
			return frames
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				payload := bytes.Repeat([]byte{byte('a' + len(all)%26)}, rapid.SampledFrom([]int{1, 60, 125, 126, 400, 3000, 70_000}).Draw(t, "size"))
				f := modelFrame{bytes: frame.Append(nil, ws.OpText, payload), pos: head}
				if rapid.IntRange(0, 3).Draw(t, "live") > 0 {
					f.seq, f.prev, f.id = seq+rapid.Uint64Range(1, 3).Draw(t, "step"), seq, fmt.Sprint("i", len(all))
					seq = f.seq
				}
				r.Append(l, payload, f.seq, f.prev, f.id, now)
				head += uint64(len(f.bytes))
				f.end = head
				all = append(all, f)
			},
			"time": func(t *rapid.T) { now += rapid.Uint32Range(0, 12).Draw(t, "seconds") },
			"trim": func(*rapid.T) { r.Trim(l, now) },
			"rewind": func(t *rapid.T) {
				seq = rapid.Uint64Range(1, 1000).Draw(t, "seq")
				r.Rewind(seq)
				head++
				rewound, all, floor = head, nil, seq
			},
			"": func(t *rapid.T) {
				if gotSeq, gotPos := r.Head(); gotSeq != seq || gotPos != head {
					t.Fatalf("head is %d at %d, want %d at %d", gotSeq, gotPos, seq, head)
				}
				tail := r.Tail()
				for len(all) > 0 && all[0].pos < tail {
					if all[0].seq != 0 {
						floor = all[0].seq
					}
					all = all[1:]
				}
				if len(all) > 0 && all[0].pos != tail || len(all) == 0 && tail != head && tail != rewound {
					t.Fatalf("tail is %d, which is no frame's", tail)
				}
				if d := r.data; d != nil && (len(all) > 1 && int(head-tail) > l.Bytes || len(all) > l.Entries) {
					t.Fatalf("holds %d bytes in %d frames", head-tail, len(all))
				}
				for _, f := range all {
					want := from(f.pos)
					limit := rapid.IntRange(1, 5000).Draw(t, "limit")
					out, to, status := r.Copy([]byte("x"), f.pos, limit)
					var wantOut []byte
					wantTo := f.pos
					for i, w := range want {
						if i > 0 && len(wantOut)+len(w.bytes) > limit {
							break
						}
						wantOut, wantTo = append(wantOut, w.bytes...), w.end
					}
					if status != Held || to != wantTo || !bytes.Equal(out[1:], wantOut) {
						t.Fatalf("copy from %d: %d bytes to %d, %d; want %d to %d", f.pos, len(out)-1, to, status, len(wantOut), wantTo)
					}
				}
				if tail > rewound {
					if r.Status(tail-1) != Fallen {
						t.Fatal("reads from before the tail")
					}
				}
				if rewound > 0 && r.Status(rewound-1) != Rewound {
					t.Fatal("reads over a rewind")
				}
				at := rapid.Uint64Range(0, seq+3).Draw(t, "since")
				var since []byte
				first := head
				for _, f := range all {
					if f.seq > at {
						first = min(first, f.pos)
						since = append(since, f.bytes...)
					}
				}
				out, through, pos, ok := r.Since(nil, at, 0, 1000, 1<<20)
				if want := at >= floor && at <= seq; ok != want || ok && (through != seq || pos != head || !bytes.Equal(out, since)) {
					t.Fatalf("since %d: %v, %d bytes through %d; floor %d, seq %d", at, ok, len(out), through, floor, seq)
				}
				pos, ahead, ok := r.Attach(at)
				if want := at >= floor; ok != want || ok && (ahead != (at > seq) || !ahead && pos != first || ahead && pos != head) {
					t.Fatalf("attach at %d: %d, %v, %v", at, pos, ahead, ok)
				}
			},
		})
	})
}

// TestIdentity asks for what follows an entry by its id.
func TestIdentity(t *testing.T) {
	l := Limits{Bytes: 4096, Entries: 64, Keep: 10}
	r := &Ring{}
	r.Start(1)
	r.Append(l, []byte("two"), 2, 1, "b", 0)
	r.Append(l, []byte("four"), 4, 2, "d", 0)
	for _, tt := range []struct {
		seq uint64
		id  string
		ok  bool
	}{{2, "b", true}, {4, "d", true}, {2, "x", false}, {3, "b", false}, {1, "a", false}} {
		if _, _, _, ok := r.Since(nil, tt.seq, Hash(tt.id), 10, 1000); ok != tt.ok {
			t.Errorf("since %d %s: %v", tt.seq, tt.id, ok)
		}
	}
	if _, _, _, ok := r.Since(nil, 1, 0, 1, 1000); ok {
		t.Error("more entries than asked for")
	}
	if _, _, _, ok := r.Since(nil, 1, 0, 10, 8); ok {
		t.Error("more bytes than asked for")
	}
}

// TestIdleHoldsNothing shows that a room in which nothing happens any more gives its memory back.
func TestIdleHoldsNothing(t *testing.T) {
	l := Limits{Bytes: 1 << 20, Entries: 4096, Keep: 10}
	r := &Ring{}
	for i := range uint64(1000) {
		r.Append(l, make([]byte, 100), i+1, i, "i", 0)
	}
	if len(r.data.buf) < 100_000 {
		t.Errorf("%d bytes for 100,000 within the time to keep", len(r.data.buf))
	}
	r.Append(l, make([]byte, 100), 1001, 1000, "i", 20)
	r.Trim(l, 25)
	if len(r.data.buf) > 1024 {
		t.Errorf("%d bytes for one frame", len(r.data.buf))
	}
	if r.Trim(l, 40); r.data != nil {
		t.Error("an idle ring holds a buffer")
	}
	if seq, _ := r.Head(); seq != 1001 {
		t.Errorf("head is %d", seq)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	l := Limits{Bytes: 4096, Entries: 64, Keep: 10}
	r := &Ring{}
	payload := make([]byte, 100)
	seq := uint64(0)
	add := func() { seq++; r.Append(l, payload, seq, seq-1, "id", 0) }
	for range 1000 {
		add()
	}
	dst := make([]byte, 0, 8192)
	if n := testing.AllocsPerRun(1000, func() {
		add()
		_, _, _ = r.Copy(dst, r.Tail(), 4096)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
