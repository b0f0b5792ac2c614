package transport

import (
	"context"
	"testing"
)

// TestSpareComesBack has a loop that lost its spare file descriptor to another, and so could refuse
// nobody, take one again when its pause ends.
func TestSpareComesBack(t *testing.T) {
	h := &echo{out: map[uint32][]byte{}}
	loops, _, err := Listen("127.0.0.1:0", 1, func(Loop) Handler { return h })
	if err != nil {
		t.Fatal(err)
	}
	l := loops[0].(*epoll)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	paused := make(chan bool)
	h.onTurn(l, func() {
		closeFD(&l.spare)
		l.pause()
		close(paused)
	})
	<-paused
	eventually(t, "the loop listens, and has a spare", func() bool {
		seen := make(chan bool, 1)
		h.onTurn(l, func() { seen <- l.paused.IsZero() && l.spare >= 0 })
		return <-seen
	})
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
