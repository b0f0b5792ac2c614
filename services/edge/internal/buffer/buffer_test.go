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

// TestReuse: a buffer that was freed is the next one of its size, empty; no more than some are
// kept, and none that is very large.
func TestReuse(t *testing.T) {
	p := NewPool(1 << 30)
	var a, b *Buffer
	p.Append(&a, make([]byte, 600))
	a.Skip(10)
	was := a
	p.Free(&a)
	if a != nil || p.Held() != 0 {
		t.Fatalf("%d bytes are held after all was freed", p.Held())
	}
	p.Free(&a) // nothing to free
	p.Grow(&b, 1024)
	if b != was || b.Len() != 0 || cap(b.Tail()) != 1024 || p.Held() != 1024 {
		t.Errorf("%d bytes in a buffer of %d, %d are held; the same one: %v", b.Len(), cap(b.Tail()), p.Held(), b == was)
	}
	var c *Buffer
	if p.Grow(&c, 1024); c == was {
		t.Error("one buffer is in use twice")
	}
	for size, most := range map[int]int{512: keep, 64 << 10: keepBytes / (64 << 10), 1 << 20: 1, 2 << 20: 0} {
		all := make([]*Buffer, most+2)
		for i := range all {
			p.Grow(&all[i], size)
		}
		for i := range all {
			p.Free(&all[i])
		}
		kept := 0
		for _, free := range p.free {
			for _, b := range free {
				if cap(b.b) == size {
					kept++
				}
			}
		}
		if kept != most {
			t.Errorf("%d buffers of %d bytes are kept, want %d", kept, size, most)
		}
	}
}

// TestGrow: what is there is moved to the front of the memory when half of that has been consumed,
// and only then.
func TestGrow(t *testing.T) {
	for _, tt := range []struct {
		used, skipped, more, want int // the last is the capacity after it
	}{
		{0, 0, 1, 512}, {0, 0, 512, 512}, {0, 0, 513, 1024}, {512, 0, 0, 512}, {512, 0, 1, 1024}, {500, 0, 12, 512},
		{512, 256, 256, 512}, {512, 255, 255, 512}, {512, 256, 257, 1024}, {512, 400, 400, 512}, {512, 512, 512, 512},
	} {
		p := NewPool(1 << 20)
		var b *Buffer
		data := make([]byte, tt.used)
		for i := range data {
			data[i] = byte(i)
		}
		p.Append(&b, data)
		b.Skip(tt.skipped)
		at := b
		p.Grow(&b, tt.more)
		if cap(b.b) != tt.want || len(b.b)+tt.more > cap(b.b) || !bytes.Equal(b.Bytes(), data[tt.skipped:]) || p.Held() != tt.want {
			t.Errorf("%+v: %d of %d bytes, %d held", tt, b.Len(), cap(b.b), p.Held())
		}
		if moved := b != at; moved != (tt.want > 512 || tt.skipped == 255) {
			t.Errorf("%+v: another buffer: %v", tt, moved)
		}
	}
}
