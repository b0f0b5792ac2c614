package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
)

const (
	readBatch = 256
	readBytes = 4 << 20 // data of one pull: bounds what is in memory, and is above the greatest entry
	// A pull waits this long for entries at the server, which says every readBeat that it is still there.
	readExpires = 30 * time.Second
	readBeat    = 5 * time.Second
	readSilence = 2*readBeat + time.Second
	// readerIdle is when the server forgets a reader whose process is gone.
	readerIdle = 2 * time.Minute
)

var errStopped = errors.New("the partition is given up")

// reader reads one partition in order, by pulls from a consumer that only it knows and that acknowledges nothing. The
// consumer numbers what it sends, so that a loss on the way is noticed; after any doubt a new reader starts at the offset.
type reader struct {
	b        *Bus
	name     string
	sub      *nats.Subscription
	msgs     chan *nats.Msg
	pull     []byte
	expected int             // messages that the pull under way may still bring
	last     uint64          // the consumer's number of the last message
	up       context.Context // of the connection that it was made on
}

func (b *Bus) newReader(ctx context.Context, p *partition) (*reader, error) {
	up := b.link.up()
	ctx, done := b.attempt(ctx)
	defer done()
	s, err := b.js.Stream(ctx, b.names.stream)
	if err != nil {
		return nil, fmt.Errorf("look at the stream: %w", err)
	}
	if last := s.CachedInfo().State.LastSeq; last < p.at.Seq {
		p.log.Warn("the log was rewound: it ends before what this group has consumed; consuming all of it again",
			zap.Uint64("log", last), zap.Uint64("consumed", p.at.Seq))
		p.at.Seq = 0
	}
	c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		Description:       "Hubbub: reads a partition for group " + p.m.group,
		FilterSubject:     b.names.inPartition(p.number),
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       p.at.Seq + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: readerIdle,
	})
	if err != nil {
		return nil, fmt.Errorf("create a reader: %w", err)
	}
	r := &reader{b: b, up: up, name: c.CachedInfo().Name, msgs: make(chan *nats.Msg, 2*readBatch)}
	r.pull, err = json.Marshal(map[string]any{
		"batch": readBatch, "max_bytes": readBytes, "expires": readExpires, "idle_heartbeat": readBeat,
	})
	if err != nil {
		return nil, err
	}
	if r.sub, err = b.main.ChanSubscribe(b.main.NewInbox(), r.msgs); err != nil {
		return nil, fmt.Errorf("subscribe to a partition: %w", err)
	}
	return r, nil
}

func (r *reader) close() {
	_ = r.sub.Unsubscribe()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if r.b.main.IsConnected() {
		_ = r.b.js.DeleteConsumer(ctx, r.b.names.stream, r.name) // else the server forgets it after readerIdle
	}
}

// next waits for entries and returns those that are there, at least one; or none, when wake says something.
func (r *reader) next(ctx context.Context, stop, wake <-chan struct{}) ([]bus.Entry, error) {
	silence := time.NewTimer(readSilence)
	defer silence.Stop()
	for {
		if r.expected == 0 {
			subject := "$JS.API.CONSUMER.MSG.NEXT." + r.b.names.stream + "." + r.name
			if err := r.b.main.PublishRequest(subject, r.sub.Subject, r.pull); err != nil {
				return nil, fmt.Errorf("pull: %w", err)
			}
			r.expected = readBatch
		}
		select {
		case m := <-r.msgs:
			batch, err := r.take(nil, m)
			for err == nil && len(batch) > 0 && len(batch) < readBatch && len(r.msgs) > 0 {
				batch, err = r.take(batch, <-r.msgs)
			}
			if len(batch) > 0 || err != nil {
				return batch, err
			}
			silence.Reset(readSilence)
		case <-silence.C:
			return nil, errors.New("the server is silent")
		case <-r.up.Done():
			return nil, errors.New("the connection was lost")
		case <-stop:
			return nil, errStopped
		case <-wake:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take adds a message to the batch, if it is an entry.
func (r *reader) take(batch []bus.Entry, m *nats.Msg) ([]bus.Entry, error) {
	switch status := header(m.Header, headerStatus); status {
	case "":
	case "100": // a heartbeat
		return batch, nil
	case "404", "408": // the pull has expired
		r.expected = 0
		return batch, nil
	case "409":
		if d := header(m.Header, headerDescribe); !strings.Contains(d, "Exceeds MaxBytes") && !strings.Contains(d, "Batch Completed") {
			return nil, fmt.Errorf("the server ends the reader: %s", d)
		}
		r.expected = 0
		return batch, nil
	default:
		return nil, fmt.Errorf("the server answers a pull with %s %s", status, header(m.Header, headerDescribe))
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("position of an entry: %w", err)
	}
	if meta.Sequence.Consumer != r.last+1 {
		return nil, errors.New("entries were lost on the way")
	}
	r.last++
	r.expected--
	room, ok := r.b.names.roomOf(r.b.names.log, m.Subject)
	if !ok {
		return nil, fmt.Errorf("an entry of no room: %.80q", m.Subject)
	}
	e := bus.Entry{Room: room, Seq: meta.Sequence.Stream, Data: m.Data}
	e.Sender, e.ID = splitKey(header(m.Header, headerID))
	return append(batch, e), nil
}
