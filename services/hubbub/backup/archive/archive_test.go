package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// sample returns an archive of three parts: change may change the writer before its end.
func sample(t *testing.T, change func(*Writer)) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, Header{ID: "id", Made: time.Unix(1e9, 0).UTC(), Version: "1.2.3", Stores: map[string]Store{"history": {"sqlite", 3}}})
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 500) // which does not compress
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for name, body := range map[string]string{"a": "one", "b/c": string(noise), "d": ""} {
		if err := w.Add(name, int64(len(body)), strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
	}
	w.Count("things", 2)
	w.Count("things", 3)
	if change != nil {
		change(w)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// through reads an archive, and returns how many bytes its parts have.
func through(b []byte) (Header, Manifest, int64, error) {
	n := int64(0)
	h, m, err := Read(bytes.NewReader(b), nil, func(_ string, _ int64, body io.Reader) error {
		got, err := io.Copy(io.Discard, body)
		n += got
		return err
	})
	return h, m, n, err
}

func TestArchive(t *testing.T) {
	h, m, n, err := through(sample(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if h.ID != "id" || h.Stores["history"] != (Store{"sqlite", 3}) || h.Format != Format || m.Counts["things"] != 5 || len(m.Parts) != 3 || n != 503 {
		t.Errorf("read %+v, %+v and %d bytes", h, m, n)
	}
	// what a part's reader leaves is read all the same
	if _, _, err := Read(bytes.NewReader(sample(t, nil)), nil, func(string, int64, io.Reader) error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestCut cuts an archive at each length: it is never taken for whole.
func TestCut(t *testing.T) {
	whole := sample(t, nil)
	for n := range whole {
		if _, _, _, err := through(whole[:n]); !errors.Is(err, ErrCut) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrDamaged) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(whole), err)
		} else if n > len(whole)/2 && !errors.Is(err, ErrCut) {
			t.Fatalf("the first %d of %d bytes: %v, want ErrCut", n, len(whole), err)
		}
	}
}

// TestDamaged changes each byte behind the first ten, of which some mean nothing.
func TestDamaged(t *testing.T) {
	whole := sample(t, nil)
	for i := 10; i < len(whole); i++ {
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		// there are several ways to compress the same
		if _, _, _, err := through(b); err == nil && !bytes.Equal(plain(t, b), plain(t, whole)) {
			t.Errorf("byte %d of %d is another, and nobody notices", i, len(whole))
		}
	}
}

func plain(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRefused(t *testing.T) {
	zipped := func(text string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, text)
		_ = w.Close()
		return b.Bytes()
	}
	for name, tt := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":            {nil, ErrForeign},
		"text":               {[]byte("hello, world"), ErrForeign},
		"compressed text":    {zipped(strings.Repeat("hello, world", 1000)), ErrForeign},
		"compressed nothing": {zipped(""), ErrForeign},
		"a sum of another part": {sample(t, func(w *Writer) {
			w.manifest.Parts[1].SHA256 = w.manifest.Parts[0].SHA256
		}), ErrDamaged},
		"a part less":    {sample(t, func(w *Writer) { w.manifest.Parts = w.manifest.Parts[:2] }), ErrDamaged},
		"a part more":    {sample(t, func(w *Writer) { w.manifest.Parts = append(w.manifest.Parts, Part{Name: "x"}) }), ErrDamaged},
		"another name":   {sample(t, func(w *Writer) { w.manifest.Parts[0].Name = "x" }), ErrDamaged},
		"a newer format": {newer(t), ErrNewer},
	} {
		if _, _, _, err := through(tt.file); !errors.Is(err, tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// newer returns an archive of a form that this release does not know.
func newer(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	gz := gzip.NewWriter(&out)
	w := &Writer{gz: gz, tar: tar.NewWriter(gz)}
	if err := w.json(headerName, Header{Format: Format + 1, Version: "9.9.9"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestSize holds that a part has the size that was said.
func TestSize(t *testing.T) {
	w, err := NewWriter(io.Discard, Header{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add("a", 5, strings.NewReader("four")); err == nil {
		t.Error("a part is shorter than was said")
	}
}
