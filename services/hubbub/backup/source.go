// Package backup copies the data of a Hubbub into one file while people talk, checks such a file,
// and restores a Hubbub from one.
//
// The data are the record: the stores of history and directory, with the signing keys as they are
// stored. The log on the bus is not copied. A backup first waits until history has stored
// everything that was acknowledged before it began. A restored Hubbub begins a new log above the
// record: see docs/decisions. This package owns the order of steps; package archive owns the format
// of the file, and sqlitedb and mongodb copy stores.
package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/buildinfo"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/hubbub/backup/archive"
)

// The names of the services whose stores are in a backup. A backup copies the directory's first.
// History's copy may then contain rooms and users that the directory's lacks, which nobody sees,
// but it lacks none that the directory's has.
const (
	directory = "directory"
	history   = "history"
)

const (
	lettersName = "history/dead-letters.jsonl"
	// maxLetters limits the dead letters of a backup. A group never has more.
	maxLetters = 10_000
)

// Source is the Hubbub to back up.
type Source struct {
	Bus                bus.Log
	History, Directory string            // URLs of the stores
	Settings           map[string]string // of the process, without secrets
}

// letter is a dead letter in a backup.
type letter struct {
	Room   string    `json:"room"`
	Seq    uint64    `json:"seq"`
	Sender string    `json:"sender"`
	ID     string    `json:"id"`
	Parked time.Time `json:"parked"`
	Reason string    `json:"reason"`
	Data   []byte    `json:"data"` // in base64
}

// Write writes a backup to w, with everything that was acknowledged before the call and some of
// what is acknowledged during it. It waits at most wait for history to store the former.
func (s Source) Write(ctx context.Context, w io.Writer, wait time.Duration) (err error) {
	if err := s.caughtUp(ctx, wait); err != nil {
		return err
	}
	// Read them before copying history's store: one that is put back meanwhile is then in both.
	letters, err := s.Bus.DeadLetters(ctx, api.RequiredGroups[0], maxLetters)
	if err != nil {
		return fmt.Errorf("read what history could not take in: %w", err)
	}
	header := archive.Header{
		ID: chat.NewID(), Made: time.Now().UTC().Truncate(time.Second), Version: buildinfo.Get().String(),
		Stores: make(map[string]archive.Store), Settings: s.Settings,
	}
	var stores []original
	defer func() {
		for _, o := range stores {
			err = errors.Join(err, o.close())
		}
	}()
	for _, service := range []string{directory, history} {
		url := s.Directory
		if service == history {
			url = s.History
		}
		o, err := openOriginal(ctx, service, url)
		if err != nil {
			return err
		}
		stores = append(stores, o)
		if header.Stores[service], err = o.describe(ctx); err != nil {
			return err
		}
	}
	a, err := archive.NewWriter(w, header)
	if err != nil {
		return err
	}
	for _, o := range stores {
		if err := o.copy(ctx, a); err != nil {
			return err
		}
	}
	if err := addLetters(a, letters); err != nil {
		return err
	}
	return a.Close()
}

// caughtUp waits until history has stored or parked everything that was acknowledged before the
// call.
func (s Source) caughtUp(ctx context.Context, wait time.Duration) error {
	for _, group := range api.RequiredGroups {
		soon, cancel := context.WithTimeout(ctx, wait)
		err := s.Bus.CatchUp(soon, group)
		late := soon.Err() != nil && ctx.Err() == nil
		cancel()
		if late {
			return fmt.Errorf("history has not stored within %s what was sent before: is it running, and does its store work? With --wait the backup waits longer", wait)
		}
		if err != nil {
			return fmt.Errorf("wait until history has stored what was sent before: %w", err)
		}
	}
	return nil
}

func addLetters(a *archive.Writer, letters []bus.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	var lines bytes.Buffer
	enc := json.NewEncoder(&lines)
	for _, d := range letters {
		if err := enc.Encode(letter{d.Entry.Room, d.Entry.Seq, d.Entry.Sender, d.Entry.ID, d.At.UTC(), d.Reason, d.Entry.Data}); err != nil {
			return fmt.Errorf("write %s: %w", lettersName, err)
		}
	}
	a.Count("history/dead-letters", int64(len(letters)))
	return a.Add(lettersName, int64(lines.Len()), &lines)
}

// readLetters reads the output of addLetters.
func readLetters(r io.Reader) (letters []letter, err error) {
	for dec := json.NewDecoder(r); ; {
		var l letter
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return letters, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", lettersName, err)
		}
		letters = append(letters, l)
	}
}

// total describes the number of records of each kind in a backup, in lines for people.
func total(counts map[string]int64) []string {
	var lines []string
	for _, c := range []struct{ one, many, where string }{
		{"user", "users", "directory/users"},
		{"room", "rooms", "directory/rooms"},
		{"entry of a room", "entries of rooms", "history/entries"},
		{"that history could not take in", "that history could not take in", "history/dead-letters"},
	} {
		switch n, ok := counts[c.where]; {
		case n == 1:
			lines = append(lines, "1 "+c.one)
		case ok:
			lines = append(lines, fmt.Sprintf("%d %s", n, c.many))
		}
	}
	return slices.Clip(lines)
}
