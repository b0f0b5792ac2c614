package transport

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// maxAccepts is how many connections a loop accepts in one turn, so that a flood of them delays its
// other sockets only briefly.
const maxAccepts = 64

// acceptPause is how long a listener is left alone when connections can neither be accepted nor
// refused.
const acceptPause = 50 * time.Millisecond

// slotListener is the slot of epoll events that are of no connection.
const slotListener = ^int32(0)

// epoll is the Loop of Linux. It is level-triggered: one read per connection and turn is then fair
// and loses nothing, and a connection asks for writability only while it is blocked.
type epoll struct {
	waiter
	h        Handler
	port     int
	listener int       // -1: closed
	paused   time.Time // since when the listener is not listened to; zero: it is
	spare    int       // a file descriptor to give up when there are no others
	conns    []conn
	free     []uint32
	read     []byte
	iov      []unix.Iovec
	*secured // nil: connections are not encrypted
}

// conn is a connection of a loop. gen tells events of an earlier connection of the slot apart.
type conn struct {
	fd     int32 // -1: none
	gen    uint32
	events uint32
}

func newEpoll(addr *net.TCPAddr, secure *Secure, start Starting) (l *epoll, err error) {
	l = &epoll{waiter: waiter{ep: -1}, listener: -1, spare: -1}
	if secure != nil {
		l.secured = &secured{Secure: secure}
	}
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
	if err = l.init(); err != nil {
		return nil, err
	}
	if err = l.openSpare(); err != nil {
		return nil, err
	}
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: slotListener}
	if err = unix.EpollCtl(l.ep, unix.EPOLL_CTL_ADD, l.listener, &e); err != nil {
		return nil, os.NewSyscallError("epoll_ctl", err)
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
	if l.secured != nil {
		l.begin = func(fd int) { l.wg.Go(func() { l.handshake(ctx, fd) }) }
	}
	wait := l.h.Turn()
	for ctx.Err() == nil {
		if l.secured != nil && len(l.again) > 0 {
			wait = 0
		}
		events, err := l.wait(l.resume(wait))
		if err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
		for i := range events {
			l.handle(&events[i])
		}
		if l.secured != nil {
			l.secureTurn()
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
		_ = l.openSpare() // another loop may have taken it in the moment it was given up
		l.listenTo(unix.EPOLLIN)
		return wait
	}
	if wait < 0 {
		return acceptPause
	}
	return min(wait, acceptPause)
}

func (l *epoll) listenTo(events uint32) {
	// it is there
	_ = unix.EpollCtl(l.ep, unix.EPOLL_CTL_MOD, l.listener, &unix.EpollEvent{Events: events, Fd: slotListener})
}

func (l *epoll) handle(e *unix.EpollEvent) {
	if e.Fd == slotListener {
		l.accept()
		return
	}
	slot := uint32(e.Fd)
	live := func() bool { c := &l.conns[slot]; return c.fd >= 0 && c.gen == uint32(e.Pad) }
	if !live() {
		return
	}
	if e.Events&unix.EPOLLOUT != 0 && (l.secured == nil || l.writableTLS(slot)) {
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
	if l.secured != nil {
		l.receiveTLS(slot)
		return
	}
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

// StopListening implements Loop.
func (l *epoll) StopListening() { closeFD(&l.listener) }

// Dispose implements Loop.
func (l *epoll) Dispose() {
	for slot := range l.conns {
		l.Close(uint32(slot))
	}
	l.StopListening()
	if l.secured != nil {
		l.wg.Wait()
		for _, s := range l.ready {
			_ = unix.Close(s.fd)
		}
		l.ready = nil
	}
	closeFD(&l.spare)
	if l.file == nil {
		closeFD(&l.ep)
	} else {
		_ = l.file.Close()
	}
}

// openSpare sees to it that there is a spare file descriptor.
func (l *epoll) openSpare() (err error) {
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
