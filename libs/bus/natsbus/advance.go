package natsbus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
)

// JetStream moves a stream's counter on in one way: a purge up to a future Seq, which removes every
// entry. After a restore of an older store there may be entries that no group has read yet, so
// Advance moves those: it closes the stream to appends (they wait, and their appenders repeat
// them), copies the unread entries to a second stream, purges, puts the copies back above the new
// Seq, and opens the stream again. It records each step when it is done, so that another process
// can go on after a crash.
const (
	movingName  = "advance"       // key of the bucket
	metaMoving  = "hubbub-moving" // of the stream while it is closed
	moveBatch   = 256             // entries read at a time
	moveTimeout = 5 * time.Minute // bounds all steps together
	movePause   = 200 * time.Millisecond
	// moveMargin is how far above the remembered Seq a log goes on that was behind it: the caller
	// may not have read the last entries that were acknowledged.
	moveMargin = 1 << 20
)

type phase string

const (
	copying   phase = "copy"
	purging   phase = "purge"
	restoring phase = "restore"
)

// move is an Advance under way.
type move struct {
	Past  uint64 `json:"past"`
	Phase phase  `json:"phase"`
	// the process that moves the log answers to this name, as a consumer's member does
	Owner string `json:"owner"`
}

// mover moves the log.
type mover struct{ *store }

// errMoving says that another process moves the log right now.
var errMoving = errors.New("another process moves the log")

// Advance implements driver.Log.
func (b *Driver) Advance(ctx context.Context, past uint64) error {
	ctx, cancel := context.WithTimeout(ctx, moveTimeout)
	defer cancel()
	id := nats.NewInbox()[len(nats.InboxPrefix):]
	sub, err := b.main.Subscribe(b.names.member+id, func(m *nats.Msg) { _ = m.Respond(nil) })
	if err != nil {
		return b.retry.Fail("advance the log", err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	for {
		done, err := (&mover{&b.store}).tryAdvance(ctx, id, past)
		if err == nil && done {
			return nil
		}
		if ctx.Err() != nil {
			return b.retry.Fail("advance the log", cmp.Or(err, ctx.Err()))
		}
		if err == nil {
			continue
		}
		b.log.Info("cannot advance the log yet", zap.Error(err))
		if await.Sleep(ctx, movePause) != nil {
			return b.retry.Fail("advance the log", err)
		}
	}
}

// tryAdvance reports whether the log is where it should be, or does what it takes.
func (b *mover) tryAdvance(ctx context.Context, id string, past uint64) (done bool, err error) {
	m, revision, err := b.moving(ctx)
	if err != nil {
		return false, err
	}
	if revision == 0 {
		_, state, err := b.streamState(ctx)
		if err != nil || state.LastSeq >= past {
			return err == nil, err
		}
		m = move{Past: min(past+moveMargin, bus.MaxSeq-1), Phase: copying}
	}
	if m.Owner != id && m.Owner != "" && b.answers(ctx, m.Owner) {
		return false, errMoving
	}
	m.Owner = id
	note := func(next phase) error {
		m.Phase = next
		data, err := json.Marshal(m)
		if err != nil {
			return err
		}
		attempt, stop := b.attempt(ctx)
		defer stop()
		// Update takes the mark of an earlier Advance's purge for another process's note
		if revision == 0 {
			revision, err = b.state.Create(attempt, movingName, data)
		} else {
			revision, err = b.state.Update(attempt, movingName, data, revision)
		}
		return err
	}
	if err := note(m.Phase); err != nil {
		return false, err
	}
	b.log.Warn("moving the log on to greater Seqs", zap.Uint64("past", m.Past), zap.String("phase", string(m.Phase)))
	if m.Phase == copying {
		if err := b.copyUnread(ctx); err != nil {
			return false, fmt.Errorf("copy what is unread: %w", err)
		}
		if err := note(purging); err != nil {
			return false, err
		}
	}
	if m.Phase == purging {
		if err := b.purgePast(ctx, m.Past); err != nil {
			return false, fmt.Errorf("move the counter on: %w", err)
		}
		if err := note(restoring); err != nil {
			return false, err
		}
	}
	if err := b.putBack(ctx); err != nil {
		return false, fmt.Errorf("put back what was copied: %w", err)
	}
	return false, b.state.Purge(ctx, movingName, jetstream.LastRevision(revision))
}

// moving returns the move under way and its revision in the bucket; revision 0: there is none.
func (b *mover) moving(ctx context.Context) (move, uint64, error) {
	ctx, done := b.attempt(ctx)
	defer done()
	var m move
	e, err := b.state.Get(ctx, movingName)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return m, 0, nil
	}
	if err != nil {
		return m, 0, err
	}
	return m, e.Revision(), json.Unmarshal(e.Value(), &m)
}

// answers reports whether a process counts as alive.
func (b *store) answers(ctx context.Context, id string) bool {
	for range looksGone {
		ask, cancel := context.WithTimeout(ctx, askTimeout)
		_, err := b.main.RequestWithContext(ask, b.names.member+id, nil)
		cancel()
		if !errors.Is(err, nats.ErrNoResponders) {
			return true
		}
		_ = await.Sleep(ctx, movePause)
	}
	return false
}

// closedConfig returns the stream's configuration changed so that only a move can add entries.
func (b *mover) closedConfig(cfg jetstream.StreamConfig) jetstream.StreamConfig {
	cfg.Subjects = []string{b.names.moving + ">", b.names.fence}
	cfg.SubjectTransform = &jetstream.SubjectTransformConfig{
		Source: b.names.moving + ">", Destination: b.names.log + ">",
	}
	cfg.Metadata = maps.Clone(cfg.Metadata)
	cfg.Metadata[metaMoving] = "1"
	return cfg
}

// copyUnread closes the stream and copies what a required group has not read.
func (b *mover) copyUnread(ctx context.Context) error {
	s, err := b.js.Stream(ctx, b.names.stream)
	if err != nil {
		return err
	}
	if _, err := b.js.UpdateStream(ctx, b.closedConfig(s.CachedInfo().Config)); err != nil {
		return err
	}
	// when this is stored, everything that the server took before is stored
	fence, err := b.fences.send()
	if err != nil {
		return err
	}
	if err := b.js.DeleteStream(ctx, b.names.movedStream()); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	if _, err := b.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: b.names.movedStream(), Description: "Hubbub: entries on their way to greater Seqs",
		Subjects: []string{b.names.moved + ">"}, Storage: jetstream.FileStorage, Replicas: b.cfg.Replicas, AllowDirect: true,
	}); err != nil {
		return err
	}
	next, err := b.firstUnread(ctx, fence+1)
	if err != nil {
		return err
	}
	return b.copyEntries(ctx, b.names.stream, b.names.log, next, fence, b.names.moved)
}

// purgePast removes every entry and makes the next Seq greater than past, unless an earlier try has
// done so.
func (b *mover) purgePast(ctx context.Context, past uint64) error {
	if err := b.raise(ctx, advancedName, past); err != nil {
		return err
	}
	s, state, err := b.streamState(ctx)
	if err != nil || state.LastSeq >= past {
		return err
	}
	return s.Purge(ctx, jetstream.WithPurgeSequence(past+1))
}

// putBack appends the copies, opens the stream, and removes the copies. After an interruption it
// continues where it stopped.
func (b *mover) putBack(ctx context.Context) error {
	s, err := b.js.Stream(ctx, b.names.stream)
	if err != nil {
		return err
	}
	// A stream that is open has the copies already.
	if cfg := s.CachedInfo().Config; cfg.Metadata[metaMoving] != "" {
		m, err := b.js.Stream(ctx, b.names.movedStream())
		switch {
		// somebody removed it: there is nothing to put back
		case errors.Is(err, jetstream.ErrStreamNotFound):
		case err != nil:
			return err
		default:
			if err := b.copyEntries(ctx, b.names.movedStream(), b.names.moved, 1, m.CachedInfo().State.LastSeq, b.names.moving); err != nil {
				return err
			}
		}
		cfg.Subjects, cfg.SubjectTransform = b.streamConfig().Subjects, nil
		delete(cfg.Metadata, metaMoving)
		if _, err := b.js.UpdateStream(ctx, cfg); err != nil {
			return err
		}
	}
	if err := b.js.DeleteStream(ctx, b.names.movedStream()); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	return nil
}

// copyEntries appends the entries of a stream from one Seq through another, in order, to the
// subjects that begin with to instead of from. It adds its old Seq to each key, since the server
// would take the old key for a repeat.
func (b *mover) copyEntries(ctx context.Context, stream, from string, next, through uint64, to string) error {
	for next <= through {
		var got batch
		err := b.retry.Do(ctx, "read entries", func(ctx context.Context) (err error) {
			got, err = b.get(ctx, stream, getRequest{
				Seq: next, NextFor: from + ">", Batch: moveBatch, MaxBytes: getBytes,
			})
			if errors.Is(err, errNotFound) {
				err = nil
			}
			return err
		})
		if err != nil || len(got.msgs) == 0 {
			return err
		}
		for _, m := range got.msgs {
			seq := headerUint(m.Header, headerSeq)
			if seq > through {
				return nil
			}
			rest, _ := strings.CutPrefix(header(m.Header, headerSubject), from)
			if err := b.copyEntry(ctx, to+rest, m, seq); err != nil {
				return err
			}
			next = seq + 1
		}
	}
	return nil
}

func (b *mover) copyEntry(ctx context.Context, subject string, m *nats.Msg, seq uint64) error {
	id := header(m.Header, headerID)
	if id == "" { // not an entry of ours
		id = "foreign.."
	}
	return b.retry.Do(ctx, "append a moved entry", func(ctx context.Context) error {
		_, err := b.js.PublishMsg(ctx, &nats.Msg{
			Subject: subject, Data: m.Data,
			Header: nats.Header{headerID: {fmt.Sprintf("%s.%d", id, seq)}},
		})
		return err
	})
}
