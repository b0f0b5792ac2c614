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

// park puts an entry among the group's dead letters, once.
func (b *Bus) park(ctx context.Context, group string, e bus.Entry, why error) error {
	reason := why.Error()
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	seq := strconv.FormatUint(e.Seq, 10)
	err := b.retry(ctx, "park an entry", func(ctx context.Context) error {
		_, err := b.js.PublishMsg(ctx, &nats.Msg{
			Subject: b.names.dead + group,
			Header: nats.Header{
				headerRoom: {e.Room}, headerOldSeq: {seq}, headerSender: {e.Sender}, headerOldID: {e.ID},
				headerReason: {strconv.QuoteToASCII(reason)},
			},
			Data: e.Data,
		}, jetstream.WithMsgID(group+"."+e.Room+"."+seq))
		return err
	})
	if err == nil {
		b.metrics.Parked.Inc()
	}
	return err
}

// DeadLetters implements bus.Log.
func (b *Bus) DeadLetters(ctx context.Context, group string, limit int) ([]bus.DeadLetter, error) {
	if b.isClosed() {
		return nil, bus.ErrClosed
	}
	if err := bus.CheckName(group); err != nil {
		return nil, err
	}
	var letters []bus.DeadLetter
	next := uint64(1)
	for len(letters) < limit {
		var got batch
		err := b.retry(ctx, "read dead letters", func(ctx context.Context) (err error) {
			got, err = b.get(ctx, "$JS.API.DIRECT.GET."+b.names.deadStream(), getRequest{
				Seq: next, NextFor: b.names.dead + group, Batch: min(limit-len(letters), maxReplay), MaxBytes: getBytes,
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
			letters = append(letters, d)
			next = headerUint(m.Header, headerSeq) + 1
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
