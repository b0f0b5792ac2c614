package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hubbub.internal/libs/bus"
)

// Headers of dead letters.
const (
	headerRoom   = "Hub-Room"
	headerOldSeq = "Hub-Seq"
	headerSender = "Hub-Sender"
	headerOldID  = "Hub-Id"
	headerReason = "Hub-Reason" // quoted, since a header may not hold line ends
	headerTime   = "Nats-Time-Stamp"
)

const maxReason = 1024 // bytes

// park puts an entry among the group's dead letters, once for each value of key that its room and
// Seq do not say.
func (b *Bus) park(ctx context.Context, group string, e bus.Entry, key string, why error) error {
	reason := why.Error()
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	id := fmt.Sprintf("%s.%s.%d%s", group, e.Room, e.Seq, key)
	err := b.retry(ctx, "park an entry", func(ctx context.Context) error {
		return b.putLetter(ctx, b.names.dead+group, e, reason, id)
	})
	if err == nil {
		b.metrics.Parked.Inc()
	}
	return err
}

// putLetter appends a dead letter to the stream of them, unless it has one with that id.
func (b *Bus) putLetter(ctx context.Context, subject string, e bus.Entry, reason, id string) error {
	_, err := b.js.PublishMsg(ctx, &nats.Msg{
		Subject: subject,
		Header: nats.Header{
			headerRoom: {e.Room}, headerOldSeq: {strconv.FormatUint(e.Seq, 10)}, headerSender: {e.Sender}, headerOldID: {e.ID},
			headerReason: {strconv.QuoteToASCII(reason)},
		},
		Data: e.Data,
	}, jetstream.WithMsgID(id))
	return err
}

// letter is a dead letter and its Seq in the stream of them.
type letter struct {
	bus.DeadLetter
	seq uint64
}

// DeadLetters implements bus.Log.
func (b *Bus) DeadLetters(ctx context.Context, group string, limit int) ([]bus.DeadLetter, error) {
	letters, err := b.deadLetters(ctx, group, limit)
	var all []bus.DeadLetter
	for _, l := range letters {
		all = append(all, l.DeadLetter)
	}
	return all, err
}

func (b *Bus) deadLetters(ctx context.Context, group string, limit int) ([]letter, error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	if err := bus.CheckName(group); err != nil {
		return nil, err
	}
	return b.letters(ctx, b.names.dead+group, limit)
}

// letters returns at most limit dead letters of a subject, oldest first.
func (b *Bus) letters(ctx context.Context, subject string, limit int) ([]letter, error) {
	var letters []letter
	next := uint64(1)
	for len(letters) < limit {
		var got batch
		err := b.retry(ctx, "read dead letters", func(ctx context.Context) (err error) {
			got, err = b.get(ctx, "$JS.API.DIRECT.GET."+b.names.deadStream(), getRequest{
				Seq: next, NextFor: subject, Batch: min(limit-len(letters), maxReplay), MaxBytes: getBytes,
			})
			if errors.Is(err, errNotFound) {
				err = nil
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, m := range got.msgs {
			d, err := deadLetter(m)
			if err != nil {
				return nil, err
			}
			seq := headerUint(m.Header, headerSeq)
			letters = append(letters, letter{d, seq})
			next = seq + 1
		}
		if got.pending == 0 || len(got.msgs) == 0 {
			break
		}
	}
	return letters, nil
}

func deadLetter(m *nats.Msg) (bus.DeadLetter, error) {
	h := m.Header
	at, err := time.Parse(time.RFC3339Nano, header(h, headerTime))
	if err != nil {
		return bus.DeadLetter{}, fmt.Errorf("dead letter: %w", err)
	}
	reason, err := strconv.Unquote(header(h, headerReason))
	if err != nil {
		reason = header(h, headerReason)
	}
	return bus.DeadLetter{
		Entry: bus.Entry{
			Room: header(h, headerRoom), Seq: headerUint(h, headerOldSeq),
			Sender: header(h, headerSender), ID: header(h, headerOldID), Data: m.Data,
		},
		Reason: reason,
		At:     at,
	}, nil
}
