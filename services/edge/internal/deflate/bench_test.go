package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"strings"
	"testing"
)

// chatMessage is a log entry as clients see it, with a text of n bytes.
func chatMessage(n int) []byte {
	words := strings.Fields("the quick brown fox jumps over a lazy dog while we are thinking about what to deploy next week and whether the build is green please have look at my change it fixes bug in login page thanks")
	var text strings.Builder
	for i := 7; text.Len() < n; {
		i = (i*1103515245 + 12345) & 0x7fffffff
		text.WriteString(words[(i>>8)%len(words)] + " ")
	}
	return fmt.Appendf(nil, `{"type":"msg","seq":1834412345678901,"prev":1834412345668901,"room":"0192f3c4-8b2d-7a41-b5a3-5d1f0e6c2b7a","id":"0192f3c4-8b2d-7a41-b5a3-5d1f0e6c2b7b","user":"0192f3c4-8b2d-7a41-b5a3-5d1f0e6c2b7c","name":"Ann Example","ts":1763929000123,"text":"%s"}`, text.String()[:n])
}

// BenchmarkDeflate compares our encoder and decoder with those of the standard library.
func BenchmarkDeflate(b *testing.B) {
	b.Run("a standard encoder's memory", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w, _ := flate.NewWriter(io.Discard, flate.BestSpeed)
			_, _ = w.Write([]byte("x"))
		}
	})
	for _, n := range []int{50, 250, 750, 2000, 4000} {
		m := chatMessage(n)
		z := Append(nil, m)
		b.Run(fmt.Sprintf("pack/%d", len(m)), func(b *testing.B) {
			dst := make([]byte, 0, 2*len(m))
			b.ReportAllocs()
			for b.Loop() {
				Append(dst, m)
			}
			b.ReportMetric(float64(len(z))/float64(len(m)), "ratio")
		})
		b.Run(fmt.Sprintf("pack, standard/%d", len(m)), func(b *testing.B) {
			var out bytes.Buffer
			w, _ := flate.NewWriter(&out, flate.BestSpeed)
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				w.Reset(&out)
				_, _ = w.Write(m)
				_ = w.Flush()
			}
			b.ReportMetric(float64(out.Len()-len(tail))/float64(len(m)), "ratio")
		})
		b.Run(fmt.Sprintf("inflate/%d", len(m)), func(b *testing.B) {
			var i Inflater
			b.ReportAllocs()
			for b.Loop() {
				if _, err := i.Inflate(z, len(m)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("inflate, standard/%d", len(m)), func(b *testing.B) {
			src := bytes.NewReader(append(bytes.Clone(z), ending...))
			r := flate.NewReader(src)
			out := make([]byte, len(m))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = src.Seek(0, io.SeekStart)
				_ = r.(flate.Resetter).Reset(src, nil)
				if _, err := io.ReadFull(r, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	// A bomb is given up at the limit.
	b.Run("inflate, 64 KiB of 64 MiB", func(b *testing.B) {
		var i Inflater
		z := bomb(64 << 20)
		for b.Loop() {
			_, _ = i.Inflate(z, 64<<10)
		}
	})
}
