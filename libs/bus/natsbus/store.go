package natsbus

import (
	"context"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
)

// store is what the server keeps: the stream of entries, that of dead letters, and the bucket.
type store struct {
	cfg   Config
	log   *zap.Logger
	names names
	retry driver.Retry

	// There are two connections, so that a flood of live entries delays neither acknowledgements
	// nor requests. This one carries the latter.
	main   *nats.Conn
	link   link // the connection's life
	js     jetstream.JetStream
	state  jetstream.KeyValue
	inbox  *inbox
	fences *fences
}

// where names the server for people, without a password.
func (b *store) where() string {
	if b.cfg.InProcess != nil {
		return "this process"
	}
	return redact(b.cfg.Servers)
}

// link is the life of the main connection: a context that ends when the connection is lost.
type link struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
}

// up returns the context of the present connection.
func (l *link) up() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx == nil {
		l.ctx, l.cancel = context.WithCancel(context.Background())
	}
	return l.ctx
}

// cut ends that context; the next up returns a new one.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
		l.ctx, l.cancel = nil, nil
	}
}

// attempt returns a context for one request to the server. It ends after attemptTimeout, since a
// reply may be lost, and with the connection, since the reply is lost with it.
func (b *store) attempt(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	stop := context.AfterFunc(b.link.up(), cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

func redact(servers string) string {
	var out []string
	for s := range strings.SplitSeq(servers, ",") {
		if scheme, rest, ok := strings.Cut(s, "://"); ok {
			if i := strings.LastIndexByte(rest, '@'); i >= 0 {
				s = scheme + "://" + rest[i+1:]
			}
		}
		out = append(out, s)
	}
	return strings.Join(out, ",")
}
