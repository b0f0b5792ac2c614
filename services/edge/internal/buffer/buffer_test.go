package buffer

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestBuffer holds buffers against slices, while they take and give memory of one pool.
func TestBuffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := NewPool(100_000)
		var bufs [4]*Buffer
		var want [4][]byte
		n := byte(0)
		which := rapid.IntRange(0, 3)
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				i := which.Draw(t, "i")
				n++
				data := bytes.Repeat([]byte{n}, rapid.SampledFrom([]int{0, 1, 511, 513, 5000, keepBytes + 1}).Draw(t, "size"))
				p.Append(&bufs[i], data)
				want[i] = append(want[i], data...)
			},
			"tail": func(t *rapid.T) {
				if i := which.Draw(t, "i"); bufs[i] != nil {
					p.Set(bufs[i], append(bufs[i].Tail(), "tail that may be longer than what there is room for"...))
					want[i] = append(want[i], "tail that may be longer than what there is room for"...)
				}
			},
			"skip": func(t *rapid.T) {
				i := which.Draw(t, "i")
				if k := rapid.IntRange(0, len(want[i])).Draw(t, "bytes"); bufs[i] != nil {
					bufs[i].Skip(k)
					want[i] = want[i][k:]
				}
			},
			"free": func(t *rapid.T) {
				i := which.Draw(t, "i")
				p.Free(&bufs[i])
				want[i] = nil
			},
			"": func(t *rapid.T) {
				held := 0
				for i, b := range bufs {
					if b.Len() != len(want[i]) || b != nil && !bytes.Equal(b.Bytes(), want[i]) {
						t.Fatalf("buffer %d is not what was put in", i)
					}
					if b != nil {
						held += cap(b.b)
					}
				}
				if p.Held() != held || p.Full() != (held >= 100_000) {
					t.Fatalf("held are %d, want %d", p.Held(), held)
				}
			},
		})
	})
}
