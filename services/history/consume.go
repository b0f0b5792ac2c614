package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/trace"
	"hubbub.internal/services/history/store"
)

// ingest takes entries of the log into the store, and does what follows from them.
type ingest struct {
	bus     bus.Interface
	store   store.Store
	log     *zap.Logger
	tracer  *trace.Tracer
	metrics *metrics
	noting  *noting
	repeats repeats

	records   *records
	resolver  *resolver
	positions *positions
	follows   *follows
	indexer   *indexer
	removal   *removal
	sweeper   *sweeper
}

// consume stores a batch of log entries. With the store down it is given the batch again, for ever;
// an entry that is no event is an error, so that the bus parks it where an operator finds it.
func (in *ingest) consume(ctx context.Context, batch []bus.Entry) error {
	began := time.Now()
	entries := make([]store.Entry, 0, len(batch))
	for _, e := range batch {
		if chat.Reserved(e.Room) {
			continue // between services
		}
		entry, event, err := decoded(e)
		if err != nil {
			return fmt.Errorf("entry %d of room %s: %w", e.Seq, e.Room, err)
		}
		if in.indexer.on && entry.Type == chat.TypeMsg {
			entry.Terms = termsOf(entry, event, false)
		}
		entries = append(entries, entry)
	}
	entries, err := in.removal.kept(ctx, entries)
	if err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	if len(entries) == 0 {
		return nil
	}
	if err := in.records.addNames(ctx, entries); err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	resets, err := in.sweeper.resetsOf(ctx, entries)
	if err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	noted := toNote(entries)
	defer in.noting.begin(roomsToNote(noted, entries))()
	out, err := in.store.Append(ctx, entries)
	if err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	in.traceStored(entries, began)
	in.metrics.stored.Add(float64(len(entries)))
	in.metrics.repeats.Add(float64(len(out.Repeats)))
	for _, e := range out.Conflicts {
		in.metrics.conflicts.Inc()
		in.log.Error("two entries have one seq: the log on the bus was rewound, by a failover that lost its tail or a restored disk; both are kept",
			zap.String("room", e.Room), zap.Uint64("seq", e.Seq), zap.String("id", e.ID))
	}
	if err := in.repeated(ctx, out.Repeats); err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	if err := in.sweeper.noteResets(ctx, resets); err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	if err := in.positions.begin(ctx, entries); err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	if err := in.follows.begin(ctx, entries); err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	if err := in.resolver.note(ctx, noted); err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	if err := in.removal.taken(ctx, entries); err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	redriven := len(batch) == 1 && batch[0].Redriven // it comes late, and alone
	if err := in.indexer.reindex(ctx, entries, redriven); err != nil {
		return errors.Join(bus.ErrRetry, err)
	}
	settled := make(map[message]bool)
	for _, e := range entries {
		m, ok := message{e.Room, store.Name{Sender: e.Author, ID: e.Target}}, e.Type == chat.TypeEdited || e.Type == chat.TypeDeleted
		if e.Type == chat.TypeMsg && redriven {
			m, ok = message{e.Room, e.Name()}, true
		}
		if !ok || m.name.Sender == "" || settled[m] {
			continue
		}
		settled[m] = true
		if err := in.settle(ctx, m); err != nil {
			return errors.Join(bus.ErrRetry, err)
		}
	}
	return nil
}

// traceStored records that the store has a batch, for each message of it that is traced.
func (in *ingest) traceStored(batch []store.Entry, began time.Time) {
	for _, e := range batch {
		if m := in.tracer.Message(e.Room, e.Sender, e.ID); m.Sampled() {
			m.Span("store", began, time.Now(), nil,
				attribute.String("hubbub.room", e.Room), attribute.Int64("hubbub.seq", int64(e.Seq)), attribute.Int("hubbub.batch", len(batch)))
		}
	}
}

// settle sees to a message that was edited or deleted: of one that was edited only its versions
// have the first text, and of one that was deleted all texts go, from the store and from the log.
// What the log has of a text that was replaced nobody is given any more: see decision 29. It may be
// done again.
func (in *ingest) settle(ctx context.Context, m message) error {
	about, _, err := in.records.about(ctx, m.room, []store.Name{m.name}, 0, chat.TypeEdited, chat.TypeDeleted)
	if err != nil || len(about) == 0 {
		return err
	}
	if !slices.ContainsFunc(about, func(e store.Entry) bool { return e.Type == chat.TypeDeleted }) {
		return in.store.KeepOriginal(ctx, m.room, m.name, scrub)
	}
	if err := in.store.Unpin(ctx, m.room, m.name); err != nil {
		return err
	}
	// what stands after the deletion, too: an edit that was checked while it was under way
	seqs, err := in.store.Erase(ctx, m.room, m.name, scrub)
	if err != nil {
		return err
	}
	for _, seq := range append(seqs, in.repeats.of(m)...) {
		if err := in.bus.Remove(ctx, m.room, seq); err != nil {
			return fmt.Errorf("remove a deleted message from the log: %w", err)
		}
	}
	return nil
}

// scrub returns the data of an entry without its text.
func scrub(e store.Entry) ([]byte, error) { return chat.WithText(e.Data, "") }

// entryOf returns a log entry as the store keeps it.
func entryOf(e bus.Entry) (store.Entry, error) {
	entry, _, err := decoded(e)
	return entry, err
}

// decoded is entryOf, and returns the event of a message, or of what is about one.
func decoded(e bus.Entry) (_ store.Entry, event chat.Event, _ error) {
	if len(e.Data) < 2 {
		return store.Entry{}, event, chat.ErrBadEntry
	}
	if kind := chat.TypeOf(e.Data); kind == chat.TypeMsg || chat.About(kind) {
		// What pages are made of has to be readable for as long as it is kept.
		var err error
		if event, err = chat.DecodeEntry(e.Data, e.Seq, 0); err != nil {
			return store.Entry{}, event, err
		}
	} else {
		var head struct {
			Type   string `json:"type"`
			Target string `json:"target"`
		}
		if err := json.Unmarshal(e.Data[1:], &head); err != nil {
			return store.Entry{}, event, fmt.Errorf("%w: %w", chat.ErrBadEntry, err)
		}
		if head.Type == "" {
			return store.Entry{}, event, fmt.Errorf("%w: it has no type", chat.ErrBadEntry)
		}
		event.Type, event.Target = head.Type, head.Target
	}
	out := store.Entry{Room: e.Room, Seq: e.Seq, Sender: e.Sender, ID: e.ID, Type: event.Type, Target: event.Target, Data: e.Data}
	if event.Type == chat.TypeMsg && chat.ValidID(event.Thread.Author) && chat.ValidID(event.Thread.ID) {
		out.Thread, out.Broadcast = store.Name{Sender: event.Thread.Author, ID: event.Thread.ID}, event.Broadcast
	}
	if chat.About(event.Type) {
		event.User = e.Sender
		out.Author = event.AuthorOf()
		out.Slot, out.Past = store.SlotOf(out)
	}
	return out, event, nil
}
