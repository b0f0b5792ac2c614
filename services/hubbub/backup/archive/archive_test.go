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
		} else if n >= 20 && !errors.Is(err, ErrCut) { // behind the header of gzip
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
		_, _, _, err := through(b)
		if err == nil && !bytes.Equal(plain(t, b), plain(t, whole)) {
			t.Errorf("byte %d of %d is another, and nobody notices", i, len(whole))
		}
		if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrCut) && !errors.Is(err, ErrForeign) && !errors.Is(err, ErrNewer) {
			t.Errorf("byte %d of %d is another: %v, which does not say what that means", i, len(whole), err)
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
		"no manifest":    {noManifest(t), ErrCut},
		"a newer format": {packed(t, headerName, Header{Format: Format + 1, Version: "9.9.9"}), ErrNewer},
		"no format":      {packed(t, headerName, Header{Version: "9.9.9"}), ErrForeign},
		"another's file": {packed(t, "other.json", Header{Format: Format}), ErrForeign},
		"something behind the end": {sample(t, func(w *Writer) {
			if err := w.json(manifestName, w.manifest); err != nil {
				t.Fatal(err)
			}
		}), ErrDamaged},
	} {
		if _, _, _, err := through(tt.file); !errors.Is(err, tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// packed returns an archive without parts, whose first file is not as this release writes it.
func packed(t *testing.T, name string, h Header) []byte {
	t.Helper()
	var out bytes.Buffer
	gz := gzip.NewWriter(&out)
	w := &Writer{gz: gz, tar: tar.NewWriter(gz)}
	if err := w.json(name, h); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// noManifest returns an archive that ends well behind its parts.
func noManifest(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, Header{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Add("a", 3, strings.NewReader("one")), w.tar.Close(), w.gz.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestWhatIsWrongWithAPart is said with its name.
func TestWhatIsWrongWithAPart(t *testing.T) {
	// Each returns what is said.
	for _, change := range []func(parts []Part) string{
		func(parts []Part) string { parts[0].Name = "x"; return "is where x should be" },
		func(parts []Part) string { parts[0].Size++; return parts[0].Name + " is damaged: its sum" },
		func(parts []Part) string {
			parts[2].SHA256 = parts[0].SHA256 + "0"
			return parts[2].Name + " is damaged: its sum"
		},
	} {
		var want string
		if _, _, _, err := through(sample(t, func(w *Writer) { want = change(w.manifest.Parts) })); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestPartsAreTheOwners: files that somebody unpacks are for their owner alone.
func TestPartsAreTheOwners(t *testing.T) {
	gz, err := gzip.NewReader(bytes.NewReader(sample(t, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(gz); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Mode != 0o600 || !h.ModTime.Equal(time.Unix(1e9, 0)) {
			t.Errorf("%s has the mode %o and the time %s", h.Name, h.Mode, h.ModTime)
		}
	}
}

// TestErrorsOfTheCaller are returned as they are, unless it is the archive that is damaged.
func TestErrorsOfTheCaller(t *testing.T) {
	whole, own, parts := sample(t, nil), errors.New("own"), 0
	if _, _, err := Read(bytes.NewReader(whole), func(Header) error { return own }, func(string, int64, io.Reader) error { parts++; return nil }); !errors.Is(err, own) || parts != 0 {
		t.Errorf("of the beginning: %v, and %d parts", err, parts)
	}
	if _, _, err := Read(bytes.NewReader(whole), nil, func(_ string, _ int64, body io.Reader) error {
		_, err := io.Copy(io.Discard, body)
		return errors.Join(err, own)
	}); !errors.Is(err, own) {
		t.Errorf("of a part: %v", err)
	}
	cut, _, err := Read(bytes.NewReader(whole[:len(whole)-100]), nil, func(_ string, _ int64, body io.Reader) error {
		if _, err := io.ReadAll(body); err != nil {
			return own
		}
		return nil
	})
	if !errors.Is(err, ErrCut) || cut.ID != "id" {
		t.Errorf("of a part that is cut: %+v, %v", cut, err)
	}
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
	if err := w.Add("b", 3, strings.NewReader("four")); err == nil {
		t.Error("a part is longer than was said")
	}
}
