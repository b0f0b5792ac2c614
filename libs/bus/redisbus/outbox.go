package redisbus

import (
	"bytes"
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
)

const (
	outboxMessages = 8192
	outboxBytes    = 16 << 20
)

// outbox publishes messages in batches, in order, and drops those that do not fit while the server
// is away or slow.
type outbox struct {
	b    *Driver
	wake chan struct{}

	mu    sync.Mutex
	queue []message
	bytes int
}

type message struct {
	channel string
	data    []byte
}

func newOutbox(b *Driver) *outbox { return &outbox{b: b, wake: make(chan struct{}, 1)} }

// put queues a message; the outbox owns the data from then on.
func (o *outbox) put(channel string, data []byte) {
	o.mu.Lock()
	fits := len(o.queue) < outboxMessages && o.bytes+len(data) <= outboxBytes
	if fits {
		o.queue = append(o.queue, message{channel, data})
		o.bytes += len(data)
	}
	o.mu.Unlock()
	if !fits {
		o.b.metrics.Dropped.Inc()
		return
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			for o.flush() { // replies to requests that were still running
			}
			return
		case <-o.wake:
		}
		for o.flush() || ctx.Err() == nil && o.waiting() {
		}
	}
}

// flush sends a batch, and reports whether there was one and the server accepted it.
func (o *outbox) flush() bool {
	batch := o.nextBatch()
	if len(batch) == 0 {
		return false
	}
	err := o.send(batch)
	if err != nil {
		o.b.metrics.Dropped.Add(float64(len(batch)))
		o.b.log.Debug("dropped ephemeral messages", zap.Int("messages", len(batch)), zap.Error(err))
	}
	return err == nil
}

func (o *outbox) waiting() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue) > 0
}

func (o *outbox) nextBatch() []message {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, size := 0, 0
	for n < len(o.queue) && n < batchEntries && size < batchBytes {
		size += len(o.queue[n].data)
		n++
	}
	batch := o.queue[:n:n]
	o.queue = o.queue[n:]
	o.bytes -= size
	if len(o.queue) == 0 {
		o.queue = nil
	}
	return batch
}

func (o *outbox) send(batch []message) error {
	ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
	defer cancel()
	partitions := make([]int, len(batch))
	for i, m := range batch {
		partitions[i] = o.b.keys.tagged(m.channel)
	}
	err := o.b.pipelined(ctx, partitions, func(p redis.Pipeliner, i int) redis.Cmder {
		return p.SPublish(ctx, batch[i].channel, batch[i].data)
	})
	if err != nil {
		o.b.look(ctx)
	}
	return err
}

// Publish implements driver.Live. The driver drops messages while the server is away.
func (b *Driver) Publish(channel string, data []byte) {
	b.outbox.put(b.keys.channel(channel), bytes.Clone(data))
}
