package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxEvents is how many events are taken from the kernel at a time.
const maxEvents = 512

// maxAccepts is how many connections are accepted in one turn, so that a flood of them holds up nobody for long.
const maxAccepts = 64

// acceptPause is how long a listener is left alone when connections can neither be accepted nor refused.
const acceptPause = 50 * time.Millisecond

// The slots of epoll events that are no connections.
const (
	slotListener = ^int32(0)
	slotWake     = ^int32(1)
)

// epoll is the Loop of Linux. It is level-triggered: one read per connection and turn is then fair and loses nothing,
// and a connection asks for writability only while it is blocked.
type epoll struct {
	h        Handler
	port     int
	ep       int
	listener int       // -1: closed
	paused   time.Time // since when the listener is not listened to; zero: it is
	spare    int       // a file descriptor to give up when there are no others
	conns    []conn
	free     []uint32
	read     []byte
	iov      []unix.Iovec
	coarse   bool        // the kernel waits for whole milliseconds only
	woken    atomic.Bool // the eventfd was written to and not read since

	mu   sync.Mutex
	wake int // eventfd; -1: closed
}

// conn is a connection of a loop. gen tells events of an earlier connection of the slot apart.
type conn struct {
	fd     int32 // -1: none
	gen    uint32
	events uint32
}

func newEpoll(addr *net.TCPAddr, start Starting) (l *epoll, err error) {
	l = &epoll{ep: -1, wake: -1, listener: -1, spare: -1}
	defer func() {
		if err != nil {
			l.Dispose()
		}
	}()
	if l.listener, l.port, err = listen(addr); err != nil {
		return nil, err
	}
	if l.ep, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if l.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	if err = l.takeSpare(); err != nil {
		return nil, err
	}
	for fd, slot := range map[int]int32{l.listener: slotListener, l.wake: slotWake} {
		e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: slot}
		if err = unix.EpollCtl(l.ep, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
			return nil, os.NewSyscallError("epoll_ctl", err)
		}
	}
	l.h = start(l)
	return l, nil
}

// Run implements Loop.
func (l *epoll) Run(ctx context.Context) error {
	defer l.Dispose()
	stop := context.AfterFunc(ctx, l.Wake)
	defer stop()
	l.read = make([]byte, maxRead)
	events := make([]unix.EpollEvent, maxEvents)
	wait := l.h.Turn()
	for ctx.Err() == nil {
		n, err := l.wait(events, l.resume(wait))
		if err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
		for i := range events[:n] {
			l.handle(&events[i])
		}
		wait = l.h.Turn()
	}
	return nil
}

// pause has the listener left alone for a while.
func (l *epoll) pause() { l.listenTo(0); l.paused = time.Now() }

// resume ends a pause that was long enough, and returns for how long at most the loop may wait.
func (l *epoll) resume(wait time.Duration) time.Duration {
	if l.paused.IsZero() || l.listener < 0 {
		return wait
	}
	if time.Since(l.paused) >= acceptPause {
		l.paused = time.Time{}
		_ = l.takeSpare() // another loop may have taken it in the moment it was given up
		l.listenTo(unix.EPOLLIN)
		return wait
	}
	if wait < 0 {
		return acceptPause
	}
	return min(wait, acceptPause)
}

func (l *epoll) listenTo(events uint32) {
	_ = unix.EpollCtl(l.ep, unix.EPOLL_CTL_MOD, l.listener, &unix.EpollEvent{Events: events, Fd: slotListener}) // it is there
}

// wait takes what has happened, first without waiting: a system call that may block costs the scheduler more.
func (l *epoll) wait(events []unix.EpollEvent, wait time.Duration) (int, error) {
	n, err := unix.EpollWait(l.ep, events, 0)
	if n > 0 || wait == 0 || notInterrupted(err) != nil {
		return max(n, 0), notInterrupted(err)
	}
	runtime.Gosched()
	if wait > 0 && !l.coarse {
		n, err = waitFine(l.ep, events, wait)
		if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
			return n, notInterrupted(err)
		}
		l.coarse = true
	}
	ms := -1
	if wait > 0 {
		ms = int((wait + time.Millisecond - 1) / time.Millisecond)
	}
	n, err = unix.EpollWait(l.ep, events, ms)
	return max(n, 0), notInterrupted(err)
}

// waitFine is epoll_wait with a timeout that is no multiple of a millisecond. Linux has it since 5.11.
func waitFine(ep int, events []unix.EpollEvent, wait time.Duration) (int, error) {
	timeout := struct{ sec, nsec int64 }{int64(wait / time.Second), int64(wait % time.Second)} // 64 bits on every machine
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(ep), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)),
		uintptr(unsafe.Pointer(&timeout)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func notInterrupted(err error) error {
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	return err
}

func (l *epoll) handle(e *unix.EpollEvent) {
	switch e.Fd {
	case slotListener:
		l.accept()
		return
	case slotWake:
		var b [8]byte
		_, _ = unix.Read(l.wake, b[:])
		l.woken.Store(false) // the turn that follows sees what was put before Wake
		return
	}
	slot := uint32(e.Fd)
	live := func() bool { c := &l.conns[slot]; return c.fd >= 0 && c.gen == uint32(e.Pad) }
	if !live() {
		return
	}
	if e.Events&unix.EPOLLOUT != 0 {
		l.h.Writable(slot)
		if !live() {
			return
		}
	}
	if e.Events&(unix.EPOLLIN|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		l.receive(slot)
	}
}

func (l *epoll) receive(slot uint32) {
	n, err := unix.Read(int(l.conns[slot].fd), l.read)
	switch {
	case n > 0:
		l.h.Received(slot, l.read[:n])
	case n == 0:
		l.gone(slot)
	case err != unix.EAGAIN && err != unix.EINTR:
		l.gone(slot)
	}
}

func (l *epoll) gone(slot uint32) {
	l.h.Gone(slot)
	l.Close(slot)
}

// Wake implements Loop.
func (l *epoll) Wake() {
	if !l.woken.CompareAndSwap(false, true) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake >= 0 {
		one := [8]byte{1} // any number but 0 will do, in either byte order
		_, _ = unix.Write(l.wake, one[:])
	}
}

// StopListening implements Loop.
func (l *epoll) StopListening() { closeFD(&l.listener) }

// Dispose implements Loop.
func (l *epoll) Dispose() {
	for slot := range l.conns {
		l.Close(uint32(slot))
	}
	l.StopListening()
	closeFD(&l.spare)
	closeFD(&l.ep)
	l.mu.Lock()
	defer l.mu.Unlock()
	closeFD(&l.wake)
}

// takeSpare sees to it that there is a spare file descriptor.
func (l *epoll) takeSpare() (err error) {
	if l.spare < 0 {
		l.spare, err = unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0) // -1 with an error
	}
	return os.NewSyscallError("open /dev/null", err)
}

func closeFD(fd *int) {
	if *fd >= 0 {
		_ = unix.Close(*fd)
		*fd = -1
	}
}
