package redisbus

import (
	"context"
	"fmt"
	"sync"

	"hubbub.internal/libs/bus"
)

// subConns are the subscribed connections for one purpose: one in all, or on a cluster one for each
// partition, whose slot may move by itself. All channels are sharded ones (SSUBSCRIBE): on a
// cluster a message to such a channel goes to the one server that has its slot, and the publisher
// learns whether anybody received it.
type subConns struct {
	b   *Driver
	all []*subConn
}

func newSubConns(b *Driver, name string, n int) *subConns {
	fs := &subConns{b: b}
	for p := range n {
		fs.all = append(fs.all, newSubConn(b, name, p))
	}
	return fs
}

// each calls do for every connection that has some of the channels, with these.
func (fs *subConns) each(names []string, do func(f *subConn, names []string)) {
	if len(fs.all) == 1 {
		do(fs.all[0], names)
		return
	}
	mine := make(map[*subConn][]string)
	for _, n := range names {
		f := fs.all[fs.b.keys.tagged(n)]
		mine[f] = append(mine[f], n)
	}
	for f, names := range mine {
		do(f, names)
	}
}

// subscribe calls handle for each message on the channels, from one goroutine for each partition,
// and returns when the server has confirmed all of them. Channels that are subscribed already get
// the new handler. After an error the channels stay wanted.
func (fs *subConns) subscribe(ctx context.Context, names []string, handle func(channel, message string)) error {
	var wait []<-chan struct{}
	fs.each(names, func(f *subConn, names []string) { wait = append(wait, f.want(names, handle)...) })
	for _, c := range wait {
		select {
		case <-c:
		case <-ctx.Done():
			err := ctx.Err()
			fs.each(names, func(f *subConn, _ []string) {
				if why := f.reason(); why != nil {
					err = fmt.Errorf("%w (%w)", err, why)
				}
			})
			return fs.b.retry.Fail("subscribe", err)
		case <-fs.b.host.Life.Done():
			return bus.ErrClosed
		}
	}
	return nil
}

// unsubscribe ends the subscriptions, without waiting for the server. It drops messages in flight.
func (fs *subConns) unsubscribe(names []string) {
	fs.each(names, func(f *subConn, names []string) { f.unsubscribe(names) })
}

// on sets the callbacks for a lost connection, and for one that has confirmed every channel of the
// lost one again. It is called before run.
func (fs *subConns) on(lost func(reason string), back func()) {
	for _, f := range fs.all {
		f.lost, f.back = lost, back
	}
}

// run keeps the connections until ctx ends.
func (fs *subConns) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, f := range fs.all {
		wg.Go(func() { f.run(ctx) })
	}
	wg.Wait()
}
