package edge_test

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hubbub.internal/services/edge"
)

// BenchmarkPings measures what a ping and its pong cost the edge, system calls and all: the
// process's CPU less that of the thread that answers as all clients. A loop's wheel has no part in
// it that could be seen: see BenchmarkKeepalive.
func BenchmarkPings(b *testing.B) {
	const sockets, every = 4000, 250 * time.Millisecond
	w := newWorld(b)
	w.bus = &emptyBus{Interface: w.bus, key: w.key}
	e := w.edge(func(c *edge.Config) { c.MaxSockets, c.Ping = 1<<20, every })
	token := w.token("user")
	addr := sockaddrOf(e.Addr())
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(ep)
	for range sockets {
		fd := idler(b, addr, token)
		defer unix.Close(fd)
		if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			b.Fatal(err)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	events, got, pong := make([]unix.EpollEvent, 512), make([]byte, 4096), masked(0x8a, nil)
	answer := func(pings int) {
		for pings > 0 {
			n, err := unix.EpollWait(ep, events, 1000)
			if err != nil && err != unix.EINTR {
				b.Fatal(err)
			}
			for _, ev := range events[:max(n, 0)] {
				if n, err := unix.Read(int(ev.Fd), got); err != nil || n == 0 {
					b.Fatalf("an idle socket read %d bytes, %v", n, err)
				}
				if _, err := unix.Write(int(ev.Fd), pong); err != nil {
					b.Fatal(err)
				}
				pings--
			}
		}
	}
	spent := func() time.Duration {
		return cpuTime(b, unix.CLOCK_PROCESS_CPUTIME_ID) - cpuTime(b, unix.CLOCK_THREAD_CPUTIME_ID)
	}
	answer(sockets)
	before, pings := spent(), 0
	for b.Loop() {
		answer(10 * sockets)
		pings += 10 * sockets
	}
	each := float64(spent()-before) / float64(pings)
	b.ReportMetric(each, "ns/ping")
	b.ReportMetric(100*each*1_000_000/25/1e9, "%-of-a-core-for-1M-sockets")
	b.ReportMetric(0, "ns/op")
}

func cpuTime(b *testing.B, clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}
