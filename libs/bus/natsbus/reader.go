package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
)

const (
	readBatch = 256
	// data of one pull: it bounds memory, and is more than the greatest entry
	readBytes = 4 << 20
	// A pull waits this long at the server for entries; every readBeat the server sends a
	// heartbeat.
	readExpires = 30 * time.Second
	readBeat    = 5 * time.Second
	readSilence = 2*readBeat + time.Second
	// readBuffer holds everything that the server may send before the reader looks: the entries of
	// the pull under way, its heartbeats (a handler may take longer than the pull lives), the
	// status that ends it, and the one that ended the pull before.
	readBuffer = readBatch + int(readExpires/readBeat) + 2
	// readerIdle is how long the server keeps a reader whose process is gone.
	readerIdle = 2 * time.Minute
)

var (
	errStopped = errors.New("the partition is given up")
	errMissed  = errors.New("entries were lost on the way")
)

// reader reads one partition in order, by pulls from a consumer of its own that acknowledges
// nothing. The consumer numbers what it sends, so the reader notices a loss on the way; after any
// suspicion of a loss a new reader starts at the offset.
//
// One pull is under way at a time. Entries do not say which pull they answer, but the server serves
// pulls in turn. Statuses do say it: each pull has a reply subject of its own. That matters because
// the server also sends a status after the last entry of a pull that was served in full ("409 Batch
// Completed"), when the reader may have sent the next pull already.
type reader struct {
	b      *store
	name   string
	sub    *nats.Subscription
	msgs   chan *nats.Msg
	send   func(reply string) error // sends a pull
	inbox  string                   // prefix of the reply subjects of pulls
	pulls  uint64                   // how many were sent
	reply  string                   // of the pull under way
	left   int                      // entries that the pull may still bring; 0: it has ended
	bytes  int                      // the same in bytes, as the server counts them
	budget int                      // bytes of one pull
	last   uint64                   // the consumer's number of the last entry
	up     context.Context          // ends with the connection that the reader was made on
}

func (b *store) newReader(ctx context.Context, p *partition) (*reader, error) {
	up := b.link.up()
	ctx, done := b.attempt(ctx)
	defer done()
	s, err := b.js.Stream(ctx, b.names.stream)
	if err != nil {
		return nil, fmt.Errorf("look at the stream: %w", err)
	}
	if last := s.CachedInfo().State.LastSeq; last < p.at.Seq {
		p.m.log.Warn("the log was rewound: it ends before what this group has consumed; consuming all of it again",
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
	r := &reader{b: b, up: up, name: c.CachedInfo().Name}
	return r, r.open(readBytes)
}

// open subscribes to the answers to pulls, each of which brings at most budget bytes.
func (r *reader) open(budget int) error {
	r.msgs, r.inbox, r.budget = make(chan *nats.Msg, readBuffer), r.b.main.NewInbox()+".", budget
	pull, err := json.Marshal(map[string]any{
		"batch": readBatch, "max_bytes": budget, "expires": readExpires, "idle_heartbeat": readBeat,
	})
	if err != nil {
		return err
	}
	subject := "$JS.API.CONSUMER.MSG.NEXT." + r.b.names.stream + "." + r.name
	r.send = func(reply string) error { return r.b.main.PublishRequest(subject, reply, pull) }
	if r.sub, err = r.b.main.ChanSubscribe(r.inbox+"*", r.msgs); err != nil {
		return fmt.Errorf("subscribe to a partition: %w", err)
	}
	return nil
}

func (r *reader) close() {
	_ = r.sub.Unsubscribe()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if r.b.main.IsConnected() {
		// otherwise the server drops it after readerIdle
		_ = r.b.js.DeleteConsumer(ctx, r.b.names.stream, r.name)
	}
}

// next waits for entries and returns those that have arrived, at least one; or none, when wake
// fires.
func (r *reader) next(ctx context.Context, stop, wake <-chan struct{}) ([]bus.Entry, error) {
	silence := time.NewTimer(readSilence)
	defer silence.Stop()
	for {
		if n, _ := r.sub.Dropped(); n > 0 {
			return nil, errMissed
		}
		if r.left == 0 {
			if err := r.ask(); err != nil {
				return nil, err
			}
		}
		select {
		case m := <-r.msgs:
			batch, err := r.accept(nil, m)
			for err == nil && len(batch) > 0 && len(batch) < readBatch && len(r.msgs) > 0 {
				batch, err = r.accept(batch, <-r.msgs)
			}
			if len(batch) > 0 || err != nil {
				return batch, err
			}
			if m.Subject == r.reply {
				silence.Reset(readSilence)
			}
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

// ask sends the next pull.
func (r *reader) ask() error {
	r.pulls++
	r.reply, r.left, r.bytes = r.inbox+strconv.FormatUint(r.pulls, 36), readBatch, r.budget
	if err := r.send(r.reply); err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	return nil
}

// accept appends a message to the batch if it is an entry.
func (r *reader) accept(batch []bus.Entry, m *nats.Msg) ([]bus.Entry, error) {
	if status := header(m.Header, headerStatus); status != "" {
		if m.Subject != r.reply {
			return batch, nil // of a pull that has ended
		}
		return batch, r.handleStatus(status, m.Header)
	}
	meta, err := m.Metadata()
	if err != nil {
		return nil, fmt.Errorf("position of an entry: %w", err)
	}
	if meta.Sequence.Consumer != r.last+1 {
		return nil, errMissed
	}
	r.last++
	r.left--
	// A pull whose bytes are used up exactly has ended, too, and the server does not say so
	// (nats-server 2.15, nextWaiting).
	if r.bytes -= m.Size(); r.bytes <= 0 {
		r.left = 0
	}
	room, ok := r.b.names.roomOf(r.b.names.log, m.Subject)
	if !ok {
		return nil, fmt.Errorf("an entry of no room: %.80q", m.Subject)
	}
	e := bus.Entry{Room: room, Seq: meta.Sequence.Stream, Data: m.Data}
	e.Sender, e.ID = splitKey(header(m.Header, headerID))
	return append(batch, e), nil
}

// handleStatus handles a status of the pull under way.
func (r *reader) handleStatus(status string, h nats.Header) error {
	switch status {
	case "100": // a heartbeat
		if headerUint(h, headerConsumed) > r.last {
			return errMissed // entries are missing that should have come before the heartbeat
		}
		return nil
	case "404", "408": // the pull has expired
		r.left = 0
		return nil
	case "409":
		if d := header(h, headerDescribe); !strings.Contains(d, "Exceeds MaxBytes") && !strings.Contains(d, "Batch Completed") {
			return fmt.Errorf("the server ends the reader: %s", d)
		}
		r.left = 0
		return nil
	}
	return fmt.Errorf("the server answers a pull with %s %s", status, header(h, headerDescribe))
}
