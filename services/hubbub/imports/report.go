package imports

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/services/hubbub/imports/spool"
)

// maxNamed limits the lines about renamed users and rooms and about those that are not imported.
const maxNamed = 100

// report is the outcome of an import. Its methods are safe for concurrent use.
type report struct {
	all     sync.Mutex
	users   map[string]int // by state
	closed  int
	opened  map[string]int
	members int
	counts  counts
	skipped map[string]int
	notes   []string
	more    int
}

func (r *report) init(skipped map[string]int) {
	r.users, r.opened, r.skipped = make(map[string]int), make(map[string]int), maps.Clone(skipped)
}

func (r *report) note(format string, args ...any) {
	if len(r.notes) == maxNamed {
		r.more++
		return
	}
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

func (r *report) user(u spool.User, made directoryapi.ImportedUser) {
	r.all.Lock()
	defer r.all.Unlock()
	r.users[made.State]++
	switch {
	case made.State == directoryapi.ImportRefused:
		r.note("user %s is not imported: %s", u.Name, made.Why)
	case made.State == directoryapi.ImportMapped:
		r.note("user %s is %s, who is here already", u.Name, made.Name)
	case made.State == directoryapi.ImportNew && made.Name != u.Name:
		r.note("user %s is called %s", u.Name, made.Name)
	}
	if made.State == directoryapi.ImportNew && u.Closed {
		r.closed++
	}
}

func (r *report) named(wanted, is string) {
	r.all.Lock()
	defer r.all.Unlock()
	if wanted != is {
		r.note("room %s is called %s", wanted, is)
	}
}

func (r *report) without(room, why string) {
	r.all.Lock()
	defer r.all.Unlock()
	r.opened[directoryapi.ImportRefused]++
	r.note("room %s is not imported: %s", room, why)
}

func (r *report) member(added int, left []string) {
	r.all.Lock()
	defer r.all.Unlock()
	r.members += added
	for _, name := range left {
		r.skipped["memberships of people who are in the greatest number of rooms"]++
		r.note("%s is in the greatest number of rooms, and was not added to another", name)
	}
}

// add counts a room in a state, with its entries in the record.
func (r *report) add(state string, n counts) {
	r.all.Lock()
	defer r.all.Unlock()
	r.opened[state]++
	c := &r.counts
	c.messages, c.answers, c.reactions, c.pins = c.messages+n.messages, c.answers+n.answers, c.reactions+n.reactions, c.pins+n.pins
	c.known, c.added, c.cut, c.nobody = c.known+n.known, c.added+n.added, c.cut+n.cut, c.nobody+n.nobody
}

// line returns a summary of the counts for the audit log.
func (r *report) line() string {
	r.all.Lock()
	defer r.all.Unlock()
	return fmt.Sprintf("is complete: %d new accounts, %d new rooms, %d messages, %d reactions and %d pins, of which %d are new",
		r.users[directoryapi.ImportNew], r.opened[directoryapi.ImportNew], r.counts.messages, r.counts.reactions, r.counts.pins, r.counts.added)
}

// print prints the report.
func (r *report) print(out io.Writer, dry bool) {
	r.all.Lock()
	defer r.all.Unlock()
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
	if dry {
		say("Nothing was made. An import would find:")
	}
	say("%8d accounts: %d new (%d of them closed), %d of an earlier import, %d of people who are here, %d not imported", r.users[directoryapi.ImportNew]+r.users[directoryapi.ImportKnown]+r.users[directoryapi.ImportMapped]+r.users[directoryapi.ImportRefused],
		r.users[directoryapi.ImportNew], r.closed, r.users[directoryapi.ImportKnown], r.users[directoryapi.ImportMapped], r.users[directoryapi.ImportRefused])
	say("%8d rooms: %d new, %d of an earlier import, %d not imported", r.opened[directoryapi.ImportNew]+r.opened[directoryapi.ImportKnown]+r.opened[directoryapi.ImportRefused],
		r.opened[directoryapi.ImportNew], r.opened[directoryapi.ImportKnown], r.opened[directoryapi.ImportRefused])
	if !dry {
		say("%8d memberships", r.members)
	}
	say("%8d messages, %d of them answers in threads", r.counts.messages, r.counts.answers)
	say("%8d reactions", r.counts.reactions)
	say("%8d pins", r.counts.pins)
	if !dry {
		say("The record has all of these messages, reactions and pins: %d are new, %d were there.", r.counts.added, r.counts.known)
	}
	if r.counts.cut > 0 {
		r.skipped["ends of texts of more than 60 KiB"] += r.counts.cut
	}
	if r.counts.nobody > 0 {
		r.skipped["messages of users who are not imported"] += r.counts.nobody
	}
	if len(r.skipped) > 0 {
		say("Not imported, or changed:")
	}
	for _, what := range slices.Sorted(maps.Keys(r.skipped)) {
		say("%8d %s", r.skipped[what], what)
	}
	for _, note := range r.notes {
		say("- %s", note)
	}
	if r.more > 0 {
		say("- and %d more like these", r.more)
	}
}

// progress prints from time to time how many entries the record has got.
func (i *importer) progress(added int, check bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if check {
		return
	}
	i.sent += added
	if now := time.Now(); now.Sub(i.told) >= tellEvery {
		i.told = now
		fmt.Fprintf(i.out, "%d entries are new; the export has %d messages\n", i.sent, i.total)
	}
}
