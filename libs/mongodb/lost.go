package mongodb

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
)

// lines are the connections to servers. They close those that the network has lost without a word,
// as it does when a machine, or a container with its network, is gone: nobody is told, and who
// waits for an answer waits until a deadline.
//
// The driver takes an operation that ran into its deadline for one of a slow server, so it keeps
// the server's other connections, and each that is lost costs one more operation its deadline. It
// also asks again, over a new connection, when the one that watches the server is silent; if that
// is answered, it takes all for well. Then the connections that are older than the silence are
// closed here: operations that wait on them fail at once, and the driver repeats them and drops
// what else it has.
type lines struct {
	dialer net.Dialer

	mu   sync.Mutex
	open map[string]map[*line]bool // by address
	// by address: since when the connection that watches the server has not answered
	silent map[string]time.Time
}

// line is one connection.
type line struct {
	net.Conn
	of      *lines
	address string
	made    time.Time
}

func newLines() *lines {
	return &lines{open: make(map[string]map[*line]bool), silent: make(map[string]time.Time)}
}

// DialContext implements options.ContextDialer.
func (l *lines) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	began := time.Now()
	c, err := l.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	made := &line{Conn: c, of: l, address: address, made: began}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[address] == nil {
		l.open[address] = make(map[*line]bool)
	}
	l.open[address][made] = true
	return made, nil
}

// Close implements net.Conn.
func (c *line) Close() error {
	c.of.mu.Lock()
	delete(c.of.open[c.address], c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// monitor returns what the driver tells of the connections that watch servers.
func (l *lines) monitor() *event.ServerMonitor {
	return &event.ServerMonitor{ServerHeartbeatFailed: l.failed, ServerHeartbeatSucceeded: l.answered}
}

func (l *lines) failed(e *event.ServerHeartbeatFailedEvent) {
	if timeout, ok := errors.AsType[net.Error](e.Failure); !errors.Is(e.Failure, context.DeadlineExceeded) && (!ok || !timeout.Timeout()) {
		return // it is closed, which the driver sees by itself
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := addressOf(e.ConnectionID); l.silent[at].IsZero() {
		l.silent[at] = time.Now().Add(-e.Duration)
	}
}

func (l *lines) answered(e *event.ServerHeartbeatSucceededEvent) {
	at := addressOf(e.ConnectionID)
	var lost []*line
	l.mu.Lock()
	if since, ok := l.silent[at]; ok {
		for c := range l.open[at] {
			if c.made.Before(since) {
				lost = append(lost, c)
			}
		}
		delete(l.silent, at)
	}
	l.mu.Unlock()
	for _, c := range lost {
		_ = c.Conn.Close() // the driver closes it, too, and hears that it is closed
	}
}

// addressOf returns the address in a connection's name, such as db:27017[-3].
func addressOf(connection string) string {
	if i := strings.LastIndex(connection, "[-"); i >= 0 {
		return connection[:i]
	}
	return connection
}
