package archive

import (
	"archive/tar"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Read reads a whole archive and checks it. It calls start, which may be nil, with the header, and
// part with each part in order; part need not read the body. An error of either ends the reading. A
// part may turn out to be damaged after the call of part: only if Read returns no error is
// everything as it was written.
func Read(r io.Reader, start func(Header) error, part func(name string, size int64, body io.Reader) error) (h Header, m Manifest, err error) {
	gz, err := gzip.NewReader(r)
	if err != nil {
		if errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return h, m, ErrForeign
		}
		return h, m, fmt.Errorf("read the backup: %w", err)
	}
	t := tar.NewReader(gz)
	var parts []Part
	for first := true; ; first = false {
		head, err := t.Next()
		if err != nil {
			if first && !isCut(err) {
				return h, m, ErrForeign
			}
			if errors.Is(err, io.EOF) {
				return h, m, ErrCut // a complete tar file without a manifest
			}
			return h, m, explain(err)
		}
		switch {
		case first:
			if head.Name != headerName {
				return h, m, ErrForeign
			}
			if err := decode(t, head.Size, &h); err != nil {
				return h, m, err
			}
			if h.Format > Format {
				return h, m, fmt.Errorf("%w, %s, in the form %d, and this program knows %d: use that release", ErrNewer, h.Version, h.Format, Format)
			}
			if h.Format < 1 {
				return h, m, ErrForeign
			}
			if start != nil {
				if err := start(h); err != nil {
					return h, m, err
				}
			}
		case head.Name == manifestName:
			if err := decode(t, head.Size, &m); err != nil {
				return h, m, err
			}
			if err := same(parts, m.Parts); err != nil {
				return h, m, err
			}
			if _, err := t.Next(); !errors.Is(err, io.EOF) {
				if err == nil {
					err = damaged("there is something behind its end")
				}
				return h, m, explain(err)
			}
			// the rest of the compressed file has a sum of its own
			if _, err := io.Copy(io.Discard, gz); err != nil {
				return h, m, explain(err)
			}
			return h, m, nil
		default:
			p, err := one(t, head, part)
			if err != nil {
				return h, m, err
			}
			parts = append(parts, p)
		}
	}
}

// one reads a part.
func one(t *tar.Reader, head *tar.Header, part func(name string, size int64, body io.Reader) error) (Part, error) {
	p := Part{Name: head.Name, Size: head.Size}
	sum := sha256.New()
	body := &reader{r: io.TeeReader(t, sum)}
	if err := part(head.Name, head.Size, body); err != nil {
		if body.err != nil {
			return p, explain(body.err)
		}
		return p, err
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return p, explain(err)
	}
	p.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return p, nil
}

// reader remembers why it failed.
type reader struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err //nolint:wrapcheck // it is that reader
}

func decode(r io.Reader, size int64, v any) error {
	if size > maxJSON {
		return damaged("its description has %d bytes", size)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return explain(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return damaged("its description cannot be read: %v", err)
	}
	return nil
}

// same compares the parts with those in the manifest.
func same(got, want []Part) error {
	for i, w := range want {
		if i >= len(got) {
			return damaged("%s is missing", w.Name)
		}
		if g := got[i]; g != w {
			if g.Name != w.Name {
				return damaged("%s is where %s should be", g.Name, w.Name)
			}
			return damaged("%s is damaged: its sum does not match", w.Name)
		}
	}
	if len(got) > len(want) {
		return damaged("%s does not belong to it", got[len(want)].Name)
	}
	return nil
}

func isCut(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

// explain returns the meaning of a reader's error.
func explain(err error) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.Is(err, ErrDamaged):
		return err
	case isCut(err):
		return ErrCut
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, tar.ErrHeader), errors.As(err, &corrupt):
		return damaged("%v", err)
	}
	return fmt.Errorf("read the backup: %w", err)
}
