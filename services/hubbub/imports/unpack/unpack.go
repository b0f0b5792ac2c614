// Package unpack reads untrusted zip archives and JSON, with bounds on everything that could grow.
// It writes nothing to disk, and has only one value in memory.
package unpack

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// The limits.
const (
	// MaxValue is the greatest size of one value, such as a message, in bytes.
	MaxValue = 16 << 20
	// MaxFiles is how many files an archive has at most.
	MaxFiles = 2_000_000
	// ratio bounds the size of a JSON file relative to its packed size; sizes up to free are always
	// allowed.
	ratio = 200
	free  = 1 << 20
)

// Archive is an open zip archive. It is not safe for concurrent use.
type Archive struct {
	zip   *zip.ReadCloser
	files map[string]*zip.File
	names []string // in order
}

// Open opens a zip archive whose files of JSON have at most maxSize bytes together. The caller
// closes it.
func Open(file string, maxSize int64) (*Archive, error) {
	z, err := zip.OpenReader(file)
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrAlgorithm) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%s is not a whole zip archive: it may have been cut off when it was copied or downloaded; get it again", file)
	}
	if err != nil {
		return nil, fmt.Errorf("open the export: %w", err)
	}
	a := &Archive{zip: z, files: make(map[string]*zip.File)}
	if err := a.list(maxSize); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", file, err), z.Close())
	}
	return a, nil
}

func (a *Archive) list(maxSize int64) error {
	if len(a.zip.File) > MaxFiles {
		return fmt.Errorf("it has %d files; at most %d are read", len(a.zip.File), MaxFiles)
	}
	left := uint64(maxSize) //nolint:gosec // is not negative
	for _, f := range a.zip.File {
		if f.FileInfo().IsDir() {
			continue
		}
		name := strings.ReplaceAll(f.Name, `\`, "/")
		if path.IsAbs(name) || slices.Contains(strings.Split(name, "/"), "..") || !utf8.ValidString(name) {
			return fmt.Errorf("it has a file %q, whose name leads out of the archive or is not UTF-8", f.Name)
		}
		if a.files[name] != nil {
			return fmt.Errorf("it has the file %s twice", name)
		}
		a.files[name] = f
		a.names = append(a.names, name)
		if !strings.HasSuffix(name, ".json") && !strings.HasSuffix(name, ".jsonl") {
			continue // the importer does not read it
		}
		if f.UncompressedSize64 > ratio*f.CompressedSize64+free {
			return fmt.Errorf("its file %s unpacks to %d bytes from %d: that is no export", name, f.UncompressedSize64, f.CompressedSize64)
		}
		if f.UncompressedSize64 > left {
			return fmt.Errorf("its files of JSON have more than %d bytes together: allow more with --max-size", maxSize)
		}
		left -= f.UncompressedSize64
	}
	slices.Sort(a.names)
	return nil
}

// Close closes the archive.
func (a *Archive) Close() error { return a.zip.Close() }

// Names returns the names of its files, in order.
func (a *Archive) Names() []string { return a.names }

// Has reports whether there is a file.
func (a *Archive) Has(name string) bool { return a.files[name] != nil }

// Read calls f with the content of a file.
func (a *Archive) Read(name string, f func(io.Reader) error) error {
	in, err := a.files[name].Open()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer in.Close()
	// Open has counted the size that the archive gives; one byte more, so that Read also reads its
	// end.
	if err := f(io.LimitReader(in, int64(a.files[name].UncompressedSize64)+1)); err != nil { //nolint:gosec // list has checked it
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// explained adds what to do to errors of the standard library.
func explained(err error) error {
	switch {
	case errors.Is(err, zip.ErrChecksum), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("the file is damaged, or was cut off when it was copied or downloaded; get the export again")
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("this is not JSON, at byte %d: %w", syntax.Offset, err)
	}
	return err
}

// measured counts the bytes read, and fails when one value has too many.
type measured struct {
	in   io.Reader
	left int64
}

var errTooLarge = fmt.Errorf("one entry has more than %d MiB: this is no export", MaxValue>>20)

func (m *measured) Read(p []byte) (int, error) {
	if m.left <= 0 {
		return 0, errTooLarge
	}
	n, err := m.in.Read(p[:min(int64(len(p)), m.left)])
	m.left -= int64(n)
	return n, err
}

// plain skips a byte order mark, and returns an error for an encoding other than UTF-8.
func plain(in io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(in, 64<<10)
	head, _ := b.Peek(4)
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, _ = b.Discard(3)
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")), bytes.IndexByte(head, 0) >= 0:
		return nil, errors.New("this is UTF-16 or UTF-32: exports are UTF-8; do not save the file with another program")
	}
	return b, nil
}

// Elements calls f with each element of a JSON array.
func Elements(in io.Reader, f func(json.RawMessage) error) error {
	in, err := plain(in)
	if err != nil {
		return err
	}
	m := &measured{in: in, left: MaxValue}
	d := json.NewDecoder(m)
	start, err := d.Token()
	if err != nil {
		return explained(err)
	}
	if start != json.Delim('[') {
		return errors.New("this is not a list of entries")
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return explained(err)
		}
		m.left = MaxValue
		if err := f(raw); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return explained(err)
	}
	switch _, err := d.Token(); {
	case errors.Is(err, io.EOF): // to the end, where an archive compares the sum
		return nil
	case err != nil:
		return explained(err)
	}
	return errors.New("something follows the list of entries")
}

// Lines calls f with each line that is not empty, and its number.
func Lines(in io.Reader, f func(n int, line []byte) error) error {
	in, err := plain(in)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), MaxValue)
	n := 0
	for lines.Scan() {
		n++
		if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
			if err := f(n, line); err != nil {
				return fmt.Errorf("line %d: %w", n, explained(err))
			}
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d: %w", n+1, errTooLarge)
	}
	return explained(lines.Err())
}
