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
	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/chat"
)

// Headers of dead letters.
const (
	headerRoom   = "Hub-Room"
	headerOldSeq = "Hub-Seq"
	headerSender = "Hub-Sender"
	headerOldID  = "Hub-Id"
	headerReason = "Hub-Reason" // quoted, since a header may not contain line ends
	headerTime   = "Nats-Time-Stamp"
)

const maxReason = 1024 // bytes

// park stores an entry among the group's dead letters, once for each room, Seq and key.
func (b *store) park(ctx context.Context, group string, e bus.Entry, key string, why error) error {
	reason := chat.FirstBytes(why.Error(), maxReason)
	id := fmt.Sprintf("%s.%s.%d%s", group, e.Room, e.Seq, key)
	return b.retry.Do(ctx, "park an entry", func(ctx context.Context) error {
		return b.putLetter(ctx, b.names.dead+group, e, reason, id)
	})
}

// putLetter appends a dead letter to their stream, unless the stream has one with that id.
func (b *store) putLetter(ctx context.Context, subject string, e bus.Entry, reason, id string) error {
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

// Letters implements driver.Log.
func (b *Driver) Letters(ctx context.Context, group string, limit int) ([]driver.Letter, error) {
	return b.letters(ctx, b.names.dead+group, limit)
}

// letters returns at most limit dead letters of a subject, oldest first.
func (b *store) letters(ctx context.Context, subject string, limit int) (letters []driver.Letter, err error) {
	for next := uint64(1); len(letters) < limit; {
		got, err := b.get(ctx, b.names.deadStream(), getRequest{
			Seq: next, NextFor: subject, Batch: min(limit-len(letters), bus.MaxReplay), MaxBytes: getBytes,
		})
		if err != nil && !errors.Is(err, errNotFound) {
			return nil, err
		}
		for _, m := range got.msgs {
			d, err := deadLetter(m)
			if err != nil {
				return nil, err
			}
			seq := headerUint(m.Header, headerSeq)
			letters = append(letters, driver.Letter{DeadLetter: d, Partition: b.names.partition(d.Entry.Room), ID: strconv.FormatUint(seq, 10)})
			next = seq + 1
		}
		if got.pending == 0 || len(got.msgs) == 0 {
			break
		}
	}
	return letters, nil
}

// PutBack implements driver.Log. It stores the letter at its new subject before it removes it from
// the old one: if that is interrupted, the next call puts the letter back again, and the group gets
// it twice.
func (b *Driver) PutBack(ctx context.Context, group string, l driver.Letter) error {
	id := "again." + group + "." + l.ID
	if err := b.putLetter(ctx, b.names.redriven(group, l.Partition), l.Entry, l.Reason, id); err != nil {
		return err
	}
	return b.dropLetter(ctx, l)
}

func (b *store) dropLetter(ctx context.Context, l driver.Letter) error {
	s, err := b.js.Stream(ctx, b.names.deadStream())
	if err != nil {
		return err
	}
	seq, err := strconv.ParseUint(l.ID, 10, 64)
	if err != nil {
		return err
	}
	return b.erase(ctx, s, seq)
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
