// Package verify checks an exported copy of a room or of a person's messages, and makes a page of
// it that opens offline. It needs no server.
package verify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hubbub.internal/libs/export"
)

// Config is the configuration of `hubbub verify-export`.
type Config struct {
	File string `arg:"" help:"The copy: lines of JSON. -: standard input."`
	HTML string `name:"html" help:"Write it as a page to this file, if it is as it was made." type:"path" placeholder:"FILE"`
	Hash string `help:"Check that this is the hash of its last line, which the audit log of the server that made it has." placeholder:"HASH"`
}

// Help implements kong.HelpProvider.
func (*Config) Help() string {
	return `Checks that no line of a copy was changed, added, removed or moved since it was
made by hubbub admin export or downloaded from the page. Prints what it is of,
how many lines of each kind it has, and the hash of the last one. That hash alone
says that nobody has made all lines anew: compare it with that in the audit log
of the server (hubbub admin audit --action=room.export), or give it with --hash.`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	var h export.Hash
	if c.Hash != "" && h.UnmarshalText([]byte(c.Hash)) != nil {
		return fmt.Errorf("--hash is %q; it has to be 64 hexadecimal digits", c.Hash)
	}
	return nil
}

// Execute implements daemon.Tool.
func (c *Config) Execute(_ context.Context, out io.Writer) (err error) {
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("open the copy: %w", err)
		}
		defer func() { _ = f.Close() }() // it is only read
		in = f
	}
	var sum export.Summary
	if c.HTML == "" {
		sum, err = c.verify(in, nil)
	} else {
		sum, err = c.page(in)
	}
	if err != nil {
		return err
	}
	return report(out, sum)
}

// page checks the copy and writes the page, which appears only when it is complete.
func (c *Config) page(in io.Reader) (sum export.Summary, err error) {
	f, err := os.CreateTemp(filepath.Dir(c.HTML), ".hubbub-*")
	if err != nil {
		return sum, fmt.Errorf("make the page: %w", err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err == nil {
			err = os.Rename(f.Name(), c.HTML)
		}
		if err != nil {
			_ = os.Remove(f.Name()) // the earlier error counts
		}
	}()
	w := bufio.NewWriter(f)
	p := export.NewPage(w)
	if sum, err = c.verify(in, p.Line); err != nil {
		return sum, err
	}
	return sum, errors.Join(p.End(sum.Hash), w.Flush())
}

func (c *Config) verify(in io.Reader, each func(export.Line) error) (export.Summary, error) {
	sum, err := export.Verify(in, each)
	if err == nil && c.Hash != "" && c.Hash != sum.Hash.String() {
		err = fmt.Errorf("%w: the hash of its last line is %s, and not %s: all of it may have been made anew", export.ErrAltered, sum.Hash, c.Hash)
	}
	return sum, err
}

func report(out io.Writer, sum export.Summary) error {
	of := "a copy"
	if r := sum.Head.Room; r != nil {
		of = fmt.Sprintf("room %s (%s)", r.Name, r.ID)
	} else if p := sum.Head.Person; p != nil {
		of = fmt.Sprintf("all messages of %s (%s)", p.Name, p.ID)
	}
	_, err := fmt.Fprintf(out, "It is as it was made: %s, copied by %s at %s.\n", of, sum.Head.By, time.UnixMilli(sum.Head.At).UTC().Format(time.RFC3339))
	for _, kind := range slices.Sorted(maps.Keys(sum.Lines)) {
		if kind != export.KindHead {
			_, e := fmt.Fprintf(out, "%8d %s\n", sum.Lines[kind], kind)
			err = errors.Join(err, e)
		}
	}
	_, e := fmt.Fprintf(out, "Hash: %s\n", sum.Hash)
	return errors.Join(err, e)
}
