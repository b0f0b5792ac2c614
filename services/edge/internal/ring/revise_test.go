package ring

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/ws"

	"hubbub.internal/services/edge/internal/frame"
)

// TestRevise puts payloads of other lengths in the place of some: readers of either form get them,
// from any position, and the others as they are.
func TestRevise(t *testing.T) {
	r := &Ring{}
	r.Start(0)
	r.Pack()
	l := Limits{Bytes: 1 << 20, Entries: 64, Keep: 10}
	var want, wantPacked []byte
	var starts, packedStarts []uint64
	for i := range 6 {
		m := Message{Payload: fmt.Appendf(nil, "payload %d %s", i, strings.Repeat("x", 100*i)), Seq: uint64(i + 1), Prev: uint64(i), ID: "m", Name: uint64(i/2 + 1)}
		if i%2 == 0 {
			m.Packed = fmt.Appendf(nil, "packed %d", i)
		}
		_, at := r.Plain().Head()
		_, packedAt := r.Packed().Head()
		starts, packedStarts = append(starts, at), append(packedStarts, packedAt)
		r.Append(l, m, 0)
	}
	named := r.Named(2)
	if len(named) != 2 || named[0].Seq != 3 || !strings.HasPrefix(string(named[0].Payload), "payload 2 x") || len(named[1].Payload) != len("payload 3 ")+300 {
		t.Fatalf("named are %+v", named)
	}
	r.Revise(named[0], []byte("short"))
	r.Revise(named[1], bytes.Repeat([]byte("y"), 70_000))
	r.Revise(r.Named(3)[1], []byte("last"))
	if again := r.Named(2); string(again[0].Payload) != "short" || len(again[1].Payload) != 70_000 {
		t.Errorf("named again are %+v", again)
	}
	revised := map[int][]byte{2: []byte("short"), 3: bytes.Repeat([]byte("y"), 70_000), 5: []byte("last")}
	for from := 5; from >= 0; from-- {
		b, ok := revised[from]
		if !ok {
			b = fmt.Appendf(nil, "payload %d %s", from, strings.Repeat("x", 100*from))
		}
		one := frame.Append(nil, ws.OpText, b)
		want = slices.Concat(one, want)
		if _, is := revised[from]; !is && from%2 == 0 {
			b = fmt.Appendf(nil, "packed %d", from)
			one = append(frame.AppendPackedHeader(nil, ws.OpText, len(b)), b...)
		}
		wantPacked = slices.Concat(one, wantPacked)
		if got, to, s := r.Plain().Copy(nil, starts[from], 1<<20); !bytes.Equal(got, want) || s != Held || to != r.head[plain] {
			t.Errorf("plain from %d: %d bytes, want %d, %v", from, len(got), len(want), s)
		}
		if got, to, s := r.Packed().Copy(nil, packedStarts[from], 1<<20); !bytes.Equal(got, wantPacked) || s != Held || to != r.head[packed] {
			t.Errorf("packed from %d: %d bytes, want %d, %v", from, len(got), len(wantPacked), s)
		}
		if got, through, _, ok := r.Packed().Since(nil, uint64(from), 0, 10, 1<<20); !bytes.Equal(got, want) || !ok || through != 6 {
			t.Errorf("since %d: %d bytes, want %d", from, len(got), len(want))
		}
	}
	// What is dropped is not held for the sake of it.
	r.Trim(l, 100)
	if r.data != nil || r.Named(2) != nil {
		t.Error("something is left")
	}
	r.Revise(named[0], []byte("too late"))
	r.Append(l, Message{Payload: []byte("new"), Seq: 7, Prev: 6, Name: 2}, 100)
	r.Revise(named[0], []byte("too late"))
	if got := r.Named(2); len(got) != 1 || string(got[0].Payload) != "new" {
		t.Errorf("after that: %+v", got)
	}
}
