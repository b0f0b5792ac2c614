package history

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mentions"
	"hubbub.internal/libs/tokens"
	"hubbub.internal/services/history/store"
)

const (
	// indexBatch is how many messages of the time before there was an index are added to it at a
	// time, and indexPause lies between two times: what comes in goes first.
	indexBatch = 200
	indexPause = 10 * time.Millisecond
	// indexLease is for how long a process has that work to itself, and indexRetry how often
	// another looks whether it goes on, or it is tried again. Two that do it do no harm.
	indexLease = 30 * time.Second
	indexRetry = 2 * time.Second
)

// termsOf returns what a message is found by.
func termsOf(e store.Entry, event chat.Event, pinned bool) []string {
	terms := store.TermsOf(e.Sender, event.Text, event.TS, mentions.HasLink(event.Text), pinned)
	if event.Thread != (chat.Thread{}) {
		terms = append(terms, store.IsTerm("thread"))
	}
	return terms
}

// indexer puts messages into the index that searches read.
type indexer struct {
	on       bool // else nothing is indexed
	store    store.Store
	log      *zap.Logger
	records  *records
	indexing sync.Mutex // held while what messages are found by is read and written
}

// index puts stored messages of a room into the index as they are now.
func (x *indexer) index(ctx context.Context, room string, entries []store.Entry) error {
	now, err := x.records.present(ctx, room, entries)
	if err != nil {
		return err
	}
	all := make([]store.Terms, len(entries))
	for i, e := range entries {
		all[i] = store.Terms{Room: room, Seq: e.Seq, Name: e.Name(), Through: now[i].through}
		if !now[i].Deleted {
			all[i].Terms = termsOf(e, now[i].Event, now[i].Pinned)
		}
	}
	return x.store.PutTerms(ctx, all)
}

// reindex puts the messages into the index again that entries, which are stored now, have changed.
// late: so are messages among them, of which something may be stored already.
func (x *indexer) reindex(ctx context.Context, entries []store.Entry, late bool) error {
	if !x.on {
		return nil
	}
	changed := make(map[string][]store.Name)
	for _, e := range entries {
		switch {
		case e.Author != "" && (e.Type == chat.TypeEdited || e.Type == chat.TypeDeleted || e.Type == chat.TypePinned):
			changed[e.Room] = append(changed[e.Room], store.Name{Sender: e.Author, ID: e.Target})
		case late && e.Type == chat.TypeMsg:
			changed[e.Room] = append(changed[e.Room], e.Name())
		}
	}
	if len(changed) == 0 {
		return nil
	}
	// What is read here is written before somebody else reads it again.
	x.indexing.Lock()
	defer x.indexing.Unlock()
	for room, names := range changed {
		found, err := x.store.Messages(ctx, room, names)
		if err == nil {
			err = x.index(ctx, room, found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// run adds the messages to the index that were stored before there was one, or by another
// way of cutting texts, until all are in it or ctx ends. Where it was stopped it goes on.
func (x *indexer) run(ctx context.Context) {
	if !x.on {
		// What is stored from now on is not indexed: with the search on again, all of it has to be.
		x.persist(ctx, func() (bool, error) { return true, x.store.SaveIndexing(ctx, store.Indexing{}) })
		return
	}
	x.persist(ctx, func() (bool, error) { return x.indexSome(ctx) })
}

// persist repeats f until it is through or ctx ends.
func (x *indexer) persist(ctx context.Context, f func() (bool, error)) {
	for {
		through, err := f()
		if through && err == nil || ctx.Err() != nil {
			return
		}
		wait := indexPause
		if err != nil {
			wait = indexRetry
			if !errors.Is(err, errElsewhere) {
				x.log.Warn("messages could not be indexed; trying again", zap.Error(err))
			}
		}
		if await.Sleep(ctx, wait) != nil {
			return
		}
	}
}

// errElsewhere says that another process adds messages to the index.
var errElsewhere = errors.New("another process does it")

// indexSome adds some messages to the index, and reports whether all are in it.
func (x *indexer) indexSome(ctx context.Context) (through bool, err error) {
	i, err := x.store.Indexing(ctx)
	if err != nil || i.Current() {
		return err == nil, err
	}
	now := time.Now()
	mine, err := x.store.ClaimIndexing(ctx, now.UnixMilli(), now.Add(indexLease).UnixMilli())
	if err == nil && !mine {
		err = errElsewhere
	}
	if err != nil {
		return false, err
	}
	if i, err = x.store.Indexing(ctx); err != nil { // as of now
		return false, err
	}
	if i.Version != tokens.Version {
		i = store.Indexing{Version: tokens.Version}
	}
	if i.Room == "" {
		if i.Room, err = x.store.NextRoom(ctx, ""); err != nil {
			return false, err
		}
		if i.Room != "" {
			x.log.Info("indexing the messages that are stored; until that is done, a search finds newer ones alone")
		}
	}
	if i.Room != "" {
		if err := x.indexRoom(ctx, &i); err != nil {
			return false, err
		}
	}
	if i.Done = i.Room == ""; i.Done {
		x.log.Info("all messages are indexed")
	}
	return i.Done, x.store.SaveIndexing(ctx, i)
}

// indexRoom adds some messages of a room to the index, and goes on to the next one behind the last.
func (x *indexer) indexRoom(ctx context.Context, i *store.Indexing) error {
	x.indexing.Lock()
	defer x.indexing.Unlock()
	r := &record{records: x.records, room: i.Room}
	found, err := r.oldestOfAll(ctx, i.Seq, indexBatch)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		i.Seq = 0
		i.Room, err = x.store.NextRoom(ctx, i.Room)
		return err
	}
	if len(found) == indexBatch {
		found = found[:safeCut(found, indexBatch-1, -1, seqOf)]
	}
	i.Seq = found[len(found)-1].Seq
	return x.index(ctx, i.Room, found)
}
