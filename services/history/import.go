package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// importPause is how long an import waits before it looks again whether what it has appended is
// stored.
const importPause = 5 * time.Millisecond

var (
	errImportLate  = chat.E(chat.CodeConflict, "people write in that room already: what is imported would come after that")
	errImportOther = chat.E(chat.CodeConflict, "a message of the export is in that room as another user's: give the users that the first import had")
	errImportGone  = chat.E(chat.CodeConflict, "that room was deleted lately, and what is imported would be deleted with it")
)

// importer takes in what was exported elsewhere.
type importer struct {
	store   store.Store
	bus     bus.Interface
	jobs    *jobs
	records *records
	imports single // of rooms
}

func newImporter(records *records) *importer {
	m := &importer{store: records.store, bus: records.bus, jobs: records.jobs, records: records}
	m.imports.init()
	return m
}

// run answers historyapi.ServiceImport. What is missing is appended to the room's log, as
// everything is, and it waits until the record has it: so an import goes no faster than the record,
// and whoever asks knows that it is stored.
func (m *importer) run(ctx context.Context, req historyapi.ImportRequest) (out historyapi.ImportReply, err error) {
	if err := checkImport(req); err != nil {
		return out, err
	}
	done, err := m.imports.acquire(ctx, req.Room)
	if err != nil {
		return out, err
	}
	defer done()
	if m.jobs.forgotten(req.Room) {
		return out, errImportGone
	}
	r, err := m.records.of(ctx, req.Room)
	if err != nil {
		return out, err
	}
	missing, err := m.missing(ctx, r, req.Events)
	out.Known = len(req.Events) - len(missing)
	if err != nil || req.Check || len(missing) == 0 {
		return out, err
	}
	if err := m.checkImported(ctx, r); err != nil {
		return out, err
	}
	last := uint64(0)
	for _, e := range missing { // one after the other: in their order
		data, err := chat.AppendEntry(nil, e)
		if err != nil {
			return out, err
		}
		a, err := bus.Append(ctx, m.bus, bus.NewEntry{Room: e.Room, Sender: e.User, ID: e.ID, Data: data})
		if err != nil {
			return out, fmt.Errorf("append an imported entry to the log: %w", err)
		}
		last = max(last, a.Seq)
	}
	if err := m.awaitStored(ctx, req.Room, last); err != nil {
		return out, err
	}
	out.Added = len(missing)
	return out, nil
}

// checkImport returns what is wrong with a request.
func checkImport(req historyapi.ImportRequest) error {
	if !chat.ValidID(req.Room) || chat.Reserved(req.Room) || chat.IsUserRoom(req.Room) {
		return chat.E(chat.CodeBadRequest, "that is not a room")
	}
	if len(req.Events) > historyapi.MaxImport {
		return chat.E(chat.CodeBadRequest, fmt.Sprintf("at most %d entries are imported at once", historyapi.MaxImport))
	}
	for _, e := range req.Events {
		named := e.Room == req.Room && chat.ValidID(e.ID) && chat.ValidID(e.User) && e.Imported != nil
		switch e.Type {
		case chat.TypeMsg:
		case chat.TypeReacted:
			named = named && e.Emoji != "" && len(e.Emoji) <= maxEmoji && chat.ValidID(e.Target) && chat.ValidID(e.Author)
		case chat.TypePinned:
			named = named && chat.ValidID(e.Target) && chat.ValidID(e.Author)
		default:
			named = false
		}
		if !named {
			return chat.E(chat.CodeBadRequest, "an imported entry is a message, a reaction or a pin of the room, and says where it comes from")
		}
	}
	return nil
}

// missing returns the events that neither the store nor the tail has. An event about a message that
// is missing is missing, too.
func (m *importer) missing(ctx context.Context, r *record, events []chat.Event) (missing []chat.Event, err error) {
	var names []store.Name
	for _, e := range events {
		if e.Type == chat.TypeMsg {
			names = append(names, store.Name{Sender: e.User, ID: e.ID})
		}
	}
	stored, err := r.store.Messages(ctx, r.room, names)
	if err != nil {
		return nil, err
	}
	known := make(map[store.Name]bool, len(names))
	for _, e := range slices.Concat(stored, r.tail) {
		if e.Type == chat.TypeMsg {
			known[e.Name()] = true
		}
	}
	added := make(map[store.Name]bool)
	for _, e := range events {
		name := store.Name{Sender: e.User, ID: e.ID}
		is := known[name]
		switch {
		case e.Type != chat.TypeMsg && added[store.Name{Sender: e.Author, ID: e.Target}]:
		case e.Type != chat.TypeMsg:
			_, is, err = r.find(ctx, e.User, e.ID)
		case !is && r.last.Seq > 0:
			var others []store.Entry
			if others, err = r.store.Namesakes(ctx, r.room, e.ID, 1); err == nil && len(others) > 0 {
				err = errImportOther
			}
		}
		if err != nil {
			return missing, err
		}
		if !is {
			added[name] = true
			missing = append(missing, e)
		}
	}
	return missing, nil
}

// checkImported returns an error if the last message of the room was sent here: what is imported is
// older, and the order of a room is that of its log.
func (m *importer) checkImported(ctx context.Context, r *record) error {
	newest, err := r.newest(ctx, everything, 1)
	if err != nil || len(newest) == 0 {
		return err
	}
	e := newest[len(newest)-1]
	event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
	if err != nil {
		return fmt.Errorf("message %d of room %s: %w", e.Seq, e.Room, err)
	}
	if event.Imported == nil {
		return errImportLate
	}
	return nil
}

// awaitStored waits until the record of a room has what its log has through a Seq.
func (m *importer) awaitStored(ctx context.Context, room string, seq uint64) error {
	for {
		last, err := m.store.Last(ctx, room)
		if err != nil || last.Seq >= seq {
			return err
		}
		if err := await.Sleep(ctx, importPause); err != nil {
			return chat.Unavailable("what was imported is in the log, and history has not stored it yet", retryAfter)
		}
	}
}
