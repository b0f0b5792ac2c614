package history

import (
	"context"
	"errors"
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

// present is a stored message as it is now.
type present struct {
	chat.Message
	through uint64 // Seq of the last entry about it
}

// presentOf returns stored messages of a room as they are now.
func (s *Service) presentOf(ctx context.Context, room string, entries []store.Entry) ([]present, error) {
	var names []store.Name
	done := make(map[store.Name]*chat.Message, len(entries))
	through := make(map[store.Name]uint64, len(entries))
	for _, e := range entries {
		if e.Done == nil {
			names = append(names, e.Name())
			done[e.Name()] = nil
			continue
		}
		m, err := e.Done.Message()
		if err != nil {
			return nil, err
		}
		done[e.Name()], through[e.Name()] = &m, e.Done.Through
	}
	if len(names) > 0 {
		about, _, err := s.about(ctx, room, names, 0, chat.TypeEdited, chat.TypeDeleted, chat.TypePinned)
		if err == nil {
			err = doAll(done, about)
		}
		if err != nil {
			return nil, err
		}
		for _, a := range about {
			through[store.Name{Sender: a.Author, ID: a.Target}] = a.Seq
		}
	}
	all := make([]present, len(entries))
	for i, e := range entries {
		event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
		if err != nil {
			event = chat.Event{} // nobody can read it either
		}
		p := present{chat.Message{Event: event}, through[e.Name()]}
		if m := done[e.Name()]; m != nil {
			p.EditedTS, p.Deleted, p.Pinned = m.EditedTS, m.Deleted, m.Pinned
			if m.EditedTS != 0 || m.Deleted {
				p.Text = m.Text
			}
		}
		all[i] = p
	}
	return all, nil
}

// index puts stored messages of a room into the index as they are now.
func (s *Service) index(ctx context.Context, room string, entries []store.Entry) error {
	now, err := s.presentOf(ctx, room, entries)
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
	return s.store.PutTerms(ctx, all)
}

// reindex puts the messages into the index again that entries, which are stored now, have changed.
// late: so are messages among them, of which something may be stored already.
func (s *Service) reindex(ctx context.Context, entries []store.Entry, late bool) error {
	if !s.cfg.Search {
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
	s.indexing.Lock()
	defer s.indexing.Unlock()
	for room, names := range changed {
		found, err := s.store.Messages(ctx, room, names)
		if err == nil {
			err = s.index(ctx, room, found)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// runIndexing adds the messages to the index that were stored before there was one, or by another
// way of cutting texts, until all are in it or ctx ends. Where it was stopped it goes on.
func (s *Service) runIndexing(ctx context.Context) {
	if !s.cfg.Search {
		// What is stored from now on is not indexed: with the search on again, all of it has to be.
		s.persist(ctx, func() (bool, error) { return true, s.store.SaveIndexing(ctx, store.Indexing{}) })
		return
	}
	s.persist(ctx, func() (bool, error) { return s.indexSome(ctx) })
}

// persist repeats f until it is through or ctx ends.
func (s *Service) persist(ctx context.Context, f func() (bool, error)) {
	for {
		through, err := f()
		if through && err == nil || ctx.Err() != nil {
			return
		}
		wait := indexPause
		if err != nil {
			wait = indexRetry
			if !errors.Is(err, errElsewhere) {
				s.log.Warn("messages could not be indexed; trying again", zap.Error(err))
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
func (s *Service) indexSome(ctx context.Context) (through bool, err error) {
	i, err := s.store.Indexing(ctx)
	if err != nil || i.Current() {
		return err == nil, err
	}
	now := time.Now()
	mine, err := s.store.ClaimIndexing(ctx, now.UnixMilli(), now.Add(indexLease).UnixMilli())
	if err == nil && !mine {
		err = errElsewhere
	}
	if err != nil {
		return false, err
	}
	if i, err = s.store.Indexing(ctx); err != nil { // as of now
		return false, err
	}
	if i.Version != tokens.Version {
		i = store.Indexing{Version: tokens.Version}
	}
	if i.Room == "" {
		if i.Room, err = s.store.NextRoom(ctx, ""); err != nil {
			return false, err
		}
		if i.Room != "" {
			s.log.Info("indexing the messages that are stored; until that is done, a search finds newer ones alone")
		}
	}
	if i.Room != "" {
		if err := s.indexRoom(ctx, &i); err != nil {
			return false, err
		}
	}
	if i.Done = i.Room == ""; i.Done {
		s.log.Info("all messages are indexed")
	}
	return i.Done, s.store.SaveIndexing(ctx, i)
}

// indexRoom adds some messages of a room to the index, and goes on to the next one behind the last.
func (s *Service) indexRoom(ctx context.Context, i *store.Indexing) error {
	s.indexing.Lock()
	defer s.indexing.Unlock()
	r := &record{Service: s, room: i.Room}
	found, err := r.oldestOfAll(ctx, i.Seq, indexBatch)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		i.Seq = 0
		i.Room, err = s.store.NextRoom(ctx, i.Room)
		return err
	}
	if len(found) == indexBatch {
		found = found[:safeCut(found, indexBatch-1, -1, seqOf)]
	}
	i.Seq = found[len(found)-1].Seq
	return s.index(ctx, i.Room, found)
}
