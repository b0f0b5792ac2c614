package redisbus

import (
	"context"
	"fmt"
	"sync"

	"hubbub.internal/libs/bus"
)

// feeds are the subscribed connections for one purpose: one in all, or on a cluster one for each
// partition, whose slot may move by itself. Channels are sharded ones (SSUBSCRIBE) everywhere: on a
// cluster a message to such a channel goes to the one server that has its slot, and the sender
// learns whether anybody heard it.
type feeds struct {
	b   *Driver
	all []*feed
}

func newFeeds(b *Driver, name string, n int) *feeds {
	fs := &feeds{b: b}
	for p := range n {
		fs.all = append(fs.all, newFeed(b, name, p))
	}
	return fs
}

// each calls do for every feed that has some of the channels, with these.
func (fs *feeds) each(names []string, do func(f *feed, names []string)) {
	if len(fs.all) == 1 {
		do(fs.all[0], names)
		return
	}
	mine := make(map[*feed][]string)
	for _, n := range names {
		f := fs.all[fs.b.keys.tagged(n)]
		mine[f] = append(mine[f], n)
	}
	for f, names := range mine {
		do(f, names)
	}
}

// subscribe has handle called for each message on the channels, from one goroutine for each
// partition, and returns when the server has confirmed all of them. Those that are subscribed
// already get the new handler. After an error they stay wanted.
func (fs *feeds) subscribe(ctx context.Context, names []string, handle func(channel, message string)) error {
	var wait []<-chan struct{}
	fs.each(names, func(f *feed, names []string) { wait = append(wait, f.want(names, handle)...) })
	for _, c := range wait {
		select {
		case <-c:
		case <-ctx.Done():
			err := ctx.Err()
			fs.each(names, func(f *feed, _ []string) {
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

// unsubscribe ends that, without waiting for the server. Messages that are on their way are
// dropped.
func (fs *feeds) unsubscribe(names []string) {
	fs.each(names, func(f *feed, names []string) { f.unsubscribe(names) })
}

// on sets what is called when a connection is lost, and when every channel of one that was lost is
// confirmed again. It is called before run.
func (fs *feeds) on(lost func(reason string), back func()) {
	for _, f := range fs.all {
		f.lost, f.back = lost, back
	}
}

// run keeps the connections until ctx ends.
func (fs *feeds) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, f := range fs.all {
		wg.Go(func() { f.run(ctx) })
	}
	wg.Wait()
}
