package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"strings"
	"testing"
)

// hello are the examples of RFC 7692 section 7.2.3, all of which are "Hello".
var hello = map[string][]byte{
	"one block":          {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00},
	"no compression":     {0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00},
	"last block":         {0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00},
	"two blocks":         {0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00},
	"last block, no end": {0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00},
}

func TestInflate(t *testing.T) {
	var i Inflater
	for name, b := range hello {
		if got, err := i.Inflate(b, 5); err != nil || string(got) != "Hello" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if _, err := i.Inflate(b, 4); !errors.Is(err, ErrTooBig) {
			t.Errorf("%s within 4 bytes: %v", name, err)
		}
	}
	// After a last block come others, which may refer to what it holds.
	again := append(append([]byte{}, hello["last block, no end"]...), hello["last block"]...)
	if got, err := i.Inflate(again, 100); err != nil || string(got) != "HelloHello" {
		t.Errorf("two last blocks: %q, %v", got, err)
	}
	for name, b := range map[string][]byte{
		"reserved block":     {0x07},
		"half a block":       hello["no compression"][:8],
		"before the window":  {0x02, 0x13, 0x00, 0x00},
		"length not doubled": {0x00, 0x05, 0x00, 0x00, 0x00, 0x48},
	} {
		if got, err := i.Inflate(b, 100); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := i.Inflate([]byte{0}, 100); err != nil || len(got) != 0 { // section 7.2.3.6
		t.Errorf("empty: %q, %v", got, err)
	}
}

// bomb returns what inflates to n bytes.
func bomb(n int) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 9)
	_, _ = io.CopyN(w, zeros{}, int64(n))
	_ = w.Flush()
	return bytes.TrimSuffix(b.Bytes(), tail)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestBomb inflates 4 MB that came as 4 KB: no more memory is used than the limit allows, and
// little of it is kept.
func TestBomb(t *testing.T) {
	b := bomb(4 << 20)
	for _, limit := range []int{100, 1000, 64 << 10, 1 << 20} {
		var i Inflater
		if _, err := i.Inflate(b, limit); !errors.Is(err, ErrTooBig) || cap(i.out) > max(limit+1, minOut) {
			t.Errorf("limit %d: %v, %d bytes", limit, err, cap(i.out))
		}
		if _, err := i.Inflate(hello["one block"], limit); err != nil || cap(i.out) > keepOut+1 {
			t.Errorf("after it: %v, %d bytes are kept", err, cap(i.out))
		}
	}
}

// TestSource: the decoder gets the message and the ending, each byte once, and then the end.
func TestSource(t *testing.T) {
	s := source{msg: []byte("abc"), end: "de"}
	if c, err := s.ReadByte(); c != 'a' || err != nil {
		t.Fatalf("%c, %v", c, err)
	}
	p := make([]byte, 3)
	if n, err := s.Read(p); n != 3 || err != nil || string(p) != "bcd" {
		t.Fatalf("%q, %v", p[:n], err)
	}
	if n, err := s.Read(p); n != 1 || err != nil || p[0] != 'e' {
		t.Fatalf("%q, %v", p[:n], err)
	}
	if n, err := s.Read(p); n != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("%q, %v", p[:n], err)
	}
}

// TestRestarts counts how often a message goes on after a last block, of each message anew.
func TestRestarts(t *testing.T) {
	var i Inflater
	for n := range 3 {
		if _, err := i.Inflate(append(bytes.Repeat(hello["last block, no end"], n), hello["one block"]...), 100); err != nil || i.Restarts != n {
			t.Errorf("%d restarts, want %d; %v", i.Restarts, n, err)
		}
	}
}

// TestWindow: after a last block the message may refer to all of the 32 KiB before, and not to
// those of the message before it.
func TestWindow(t *testing.T) {
	random := make([]byte, 32<<10)
	x := uint32(1)
	for i := range random {
		x = x*1664525 + 1013904223
		random[i] = byte(x >> 24)
	}
	compress := func(dict []byte) []byte {
		var b bytes.Buffer
		w, _ := flate.NewWriterDict(&b, flate.BestCompression, dict)
		_, _ = w.Write(random)
		if dict == nil {
			_ = w.Close()
			return b.Bytes()
		}
		_ = w.Flush()
		return bytes.TrimSuffix(b.Bytes(), tail)
	}
	first, second := compress(nil), compress(random)
	if len(second) > len(first)/10 {
		t.Fatalf("the second half takes %d bytes: it does not refer to the first", len(second))
	}
	var i Inflater
	if got, err := i.Inflate(append(bytes.Clone(first), second...), 1<<20); err != nil || !bytes.Equal(got, append(bytes.Clone(random), random...)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := i.Inflate(second, 1<<20); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a message that refers to the one before: %v", err)
	}
}

func messages() (all [][]byte) {
	for _, n := range []int{1, 5, 20, 100, 1000, 20_000, 40_000, 200_000} {
		random := make([]byte, n)
		x := uint32(n)
		for i := range random {
			x = x*1664525 + 1013904223
			random[i] = byte(x >> 24)
		}
		all = append(all, random, bytes.Repeat([]byte("a"), n), []byte(strings.Repeat(`{"type":"msg","text":"hello"}`, n/29+1)))
	}
	return all
}

// TestAppend has Go's own decoder, and ours, read what is compressed.
func TestAppend(t *testing.T) {
	var in Inflater
	for _, m := range messages() {
		b := Append([]byte("before"), m)[len("before"):]
		want, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(b), strings.NewReader(ending))))
		if err != nil || !bytes.Equal(want, m) {
			t.Errorf("%d bytes come back as %d: %v", len(m), len(want), err)
		}
		if got, err := in.Inflate(b, len(m)); err != nil || !bytes.Equal(got, m) {
			t.Errorf("%d bytes come back as %d: %v", len(m), len(got), err)
		}
	}
}

// TestAllocatesNothing inflates. What compressing allocates is BenchmarkDeflate's to tell: its
// pools forget at will when the race detector looks on.
func TestAllocatesNothing(t *testing.T) {
	var in Inflater
	msg := messages()[14]
	b := Append(nil, msg)
	again := func() {
		if _, err := in.Inflate(b, len(msg)); err != nil {
			t.Fatal(err)
		}
	}
	again()
	if n := testing.AllocsPerRun(1000, again); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzInflate holds that nothing breaks the decoder or gets by the limit, and that what Go's own
// makes of the same is the same.
func FuzzInflate(f *testing.F) {
	for _, b := range hello {
		f.Add(b)
	}
	f.Add(bomb(100_000))
	for _, m := range messages()[:12] {
		f.Add(Append(nil, m))
	}
	const limit = 50_000
	var in Inflater
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := in.Inflate(b, limit)
		if len(got) > limit {
			t.Fatalf("%d bytes", len(got))
		}
		src := bytes.NewReader(append(bytes.Clone(b), ending...))
		want, wantErr := io.ReadAll(io.LimitReader(flate.NewReader(src), limit+1))
		if src.Len() > 0 && src.Len() != len(ending) && src.Len() != 5 {
			return // a last block in the middle, or too much: Go's own does not go on
		}
		switch {
		case len(want) > limit:
			if !errors.Is(err, ErrTooBig) {
				t.Fatalf("too big, but %v", err)
			}
		case wantErr == nil && (err != nil || !bytes.Equal(got, want)):
			t.Fatalf("got %q, %v; want %q", got, err, want)
		case wantErr != nil && err == nil:
			t.Fatalf("got %q; want %v", got, wantErr)
		}
	})
}
