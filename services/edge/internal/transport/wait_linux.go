package transport

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxEvents is how many events are taken from the kernel at a time.
const maxEvents = 512

// waiter is how a loop waits for its epoll: parked by Go's own poller, to which the epoll is one
// more file. A system call that blocks would have the scheduler look for another thread for
// everybody else, each time, and would be ended by another one; this is ended by Wake within the
// process, and after any part of a millisecond.
type waiter struct {
	ep   int      // -1: none
	file *os.File // of ep, which is closed by it
	raw  syscall.RawConn
	// asks the kernel, without waiting, and reports whether there was anything
	look   func(uintptr) bool
	events []unix.EpollEvent
	n      int // events of the last look
	err    error

	waiting atomic.Bool // Wake has to end a wait that has begun, or is about to
	woken   atomic.Bool // Wake was called, and no turn has begun since
}

// init prepares for waiting.
func (w *waiter) init() error {
	if err := unix.SetNonblock(w.ep, true); err != nil { // so that it is given to the poller
		return os.NewSyscallError("fcntl", err)
	}
	w.events = make([]unix.EpollEvent, maxEvents)
	w.look = func(uintptr) bool {
		if w.n, w.err = unix.EpollWait(w.ep, w.events, 0); errors.Is(w.err, unix.EINTR) {
			w.err = nil
		}
		w.n = max(w.n, 0)
		return w.n > 0 || w.err != nil
	}
	w.file = os.NewFile(uintptr(w.ep), "epoll")
	err := w.file.SetReadDeadline(time.Time{}) // fails if the poller has not taken it
	if err == nil {
		w.raw, err = w.file.SyscallConn()
	}
	if err != nil {
		return fmt.Errorf("wait for epoll: %w", err)
	}
	return nil
}

// wait returns the events that are ready. If there are none it waits for one, for at most the given
// time; negative: for ever. The turn that follows sees everything that preceded Wake.
func (w *waiter) wait(most time.Duration) ([]unix.EpollEvent, error) {
	defer w.woken.Store(false)
	if w.look(0) || most == 0 || w.woken.Load() {
		return w.events[:w.n], w.err
	}
	w.waiting.Store(true)
	defer w.waiting.Store(false)
	var deadline time.Time
	if most > 0 {
		deadline = time.Now().Add(most)
	}
	err := w.file.SetReadDeadline(deadline)
	if err == nil && !w.woken.Load() { // else Wake may have come before, and its deadline is gone
		err = w.raw.Read(w.look)
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, err
	}
	return w.events[:w.n], w.err
}

// Wake implements Loop.
func (w *waiter) Wake() {
	if w.woken.CompareAndSwap(false, true) && w.waiting.Load() {
		_ = w.file.SetReadDeadline(time.Unix(1, 0)) // fails when the loop has ended
	}
}
