package natsbus

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"hubbub.internal/libs/bus"
)

// Remove implements bus.Log. The server overwrites the entry on disk with random bytes.
func (b *Bus) Remove(ctx context.Context, room string, seq uint64) error {
	if b.isClosed() {
		return bus.ErrClosed
	}
	if err := bus.CheckName(room); err != nil {
		return err
	}
	if seq == 0 || seq > bus.MaxSeq {
		return nil
	}
	return b.retry(ctx, "remove an entry of "+room, func(ctx context.Context) error {
		s, err := b.js.Stream(ctx, b.names.stream)
		if err != nil {
			return err
		}
		m, err := s.GetMsg(ctx, seq)
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			return nil
		case err != nil:
			return err
		}
		if r, ok := b.names.roomOf(b.names.log, m.Subject); !ok || r != room {
			return nil // that Seq is another room's
		}
		return erase(ctx, s, seq)
	})
}

// erase removes what a stream has at a Seq, if it has anything there.
func erase(ctx context.Context, s jetstream.Stream, seq uint64) error {
	err := s.SecureDeleteMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) { // somebody else was faster, or it has to be tried again
		if _, err := s.GetMsg(ctx, seq); errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
	}
	return err
}
