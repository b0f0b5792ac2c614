package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Writer writes an archive. It is not safe for concurrent use.
type Writer struct {
	gz       *gzip.Writer
	tar      *tar.Writer
	header   Header
	manifest Manifest
}

// NewWriter begins an archive. The caller owns w; the Writer writes to it until Close.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	h.Format = Format
	gz, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	a := &Writer{gz: gz, tar: tar.NewWriter(gz), header: h, manifest: Manifest{Counts: make(map[string]int64)}}
	return a, a.json(headerName, h)
}

// Add adds a part of a known size.
func (a *Writer) Add(name string, size int64, body io.Reader) error {
	if err := a.head(name, size); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(a.tar, sum), body)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if n != size {
		return fmt.Errorf("write %s: it has %d bytes, not %d", name, n, size)
	}
	a.manifest.Parts = append(a.manifest.Parts, Part{name, size, hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// Count adds to the number of records of a kind.
func (a *Writer) Count(what string, n int64) { a.manifest.Counts[what] += n }

// Close completes the archive.
func (a *Writer) Close() error {
	if err := a.json(manifestName, a.manifest); err != nil {
		return err
	}
	if err := errors.Join(a.tar.Close(), a.gz.Close()); err != nil {
		return fmt.Errorf("end the backup: %w", err)
	}
	return nil
}

func (a *Writer) json(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := a.head(name, int64(len(text))); err != nil {
		return err
	}
	if _, err := io.Copy(a.tar, bytes.NewReader(text)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func (a *Writer) head(name string, size int64) error {
	err := a.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: a.header.Made, Format: tar.FormatPAX})
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
