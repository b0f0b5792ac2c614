package edge_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/services/edge"
)

// BenchmarkIdle measures the user space that an idle, logged-in socket in one room takes: with the
// edge alone, on a bus that holds nothing, the same with TLS, and with what the NATS client and the
// server in the same process hold for it. What is held for a user, an answer of the permission
// cache for one, is shared by the user's sockets. See docs/performance.md.
func BenchmarkIdle(b *testing.B) {
	sockets := 8000
	if n, err := strconv.Atoi(os.Getenv("SOCKETS")); err == nil {
		sockets = n
	}
	for _, on := range []string{"alone", "tls", "nats"} {
		for _, who := range []string{"one-user", "a-user-each"} {
			b.Run(on+"/"+who, func(b *testing.B) {
				w := newWorld(b)
				if on != "nats" {
					w.bus = &emptyBus{Interface: w.bus, key: w.key}
				}
				if on == "tls" {
					w.tls = serverTLS(b)
				}
				for b.Loop() {
					measureIdle(b, w, sockets, who == "one-user")
				}
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func measureIdle(b *testing.B, w *world, sockets int, oneUser bool) {
	e := w.edge(func(c *edge.Config) { c.MaxSockets = 1 << 20; c.Ping, c.Idle = 90*time.Second, 100*time.Second })
	defer e.stop()
	addr := sockaddrOf(e.Addr())
	connect := idler
	if w.tls != nil {
		connect = idlerTLS
	}
	tokens := make([]string, sockets)
	for i := range tokens {
		user := "user"
		if !oneUser {
			user = fmt.Sprintf("0192f3c0-1a2b-7c3d-8e4f-%012d", i)
		}
		tokens[i] = w.token(user, func(c *auth.Claims) { // ids as the directory makes them
			c.Name, c.Session = "Ada Lovelace", fmt.Sprintf("0192f3c5-1a2b-7c3d-8e4f-%012d", i)
		})
	}
	fds := make([]int, 0, sockets+1)
	defer func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	}()
	fds = append(fds, connect(b, addr, tokens[0])) // makes what is made once
	heap, rss := memory(b)
	for _, token := range tokens {
		fds = append(fds, connect(b, addr, token))
	}
	heapAfter, rssAfter := memory(b)
	runtime.KeepAlive(tokens)
	b.ReportMetric(float64(heapAfter-heap)/float64(sockets), "B-heap+stack/socket")
	b.ReportMetric(float64(rssAfter-rss)/float64(sockets), "B-rss/socket")
}

// memory returns the bytes of heap and stacks in use, and of resident memory.
func memory(b *testing.B) (used, resident int) {
	debug.FreeOSMemory() // collects first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	if err != nil {
		b.Fatal(err)
	}
	return int(m.HeapAlloc + m.StackInuse), pages * os.Getpagesize()
}

// idler logs in and joins a room over a socket of which this process keeps a file descriptor only.
func idler(b *testing.B, addr unix.Sockaddr, token string) int {
	fd := connected(b, addr)
	enter(b, token, func(p []byte) (int, error) { return unix.Write(fd, p) }, func(p []byte) (int, error) { return unix.Read(fd, p) })
	return fd
}

// idlerTLS is idler with TLS, of whose client nothing is kept either.
func idlerTLS(b *testing.B, addr unix.Sockaddr, token string) int {
	fd := connected(b, addr)
	f := os.NewFile(uintptr(fd), "socket")
	conn, err := net.FileConn(f) // which has its own
	if err != nil {
		b.Fatal(err)
	}
	kept, err := unix.Dup(fd)
	if err != nil {
		b.Fatal(err)
	}
	_ = f.Close()
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}}) //nolint:gosec // the certificate is not what is measured
	enter(b, token, c.Write, c.Read)
	_ = conn.Close()
	return kept
}

func connected(b *testing.B, addr unix.Sockaddr) int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := unix.Connect(fd, addr); err != nil {
		b.Fatal(err)
	}
	return fd
}

// enter says hello and joins a room.
func enter(b *testing.B, token string, write, read func([]byte) (int, error)) {
	say := append([]byte(request+"\r\n"), text(`{"type":"hello","version":1,"token":"`+token+`"}`)...)
	for _, part := range [][2]string{{string(say), `"welcome"`}, {string(text(`{"type":"join","room":"lobby"}`)), `"joined"`}} {
		if _, err := write([]byte(part[0])); err != nil {
			b.Fatal(err)
		}
		var got [4096]byte
		for n := 0; !bytes.Contains(got[:n], []byte(part[1])); {
			k, err := read(got[n:])
			if err != nil || k == 0 {
				b.Fatalf("no %s: %v, %q", part[1], err, got[:n])
			}
			n += k
		}
	}
}

func sockaddrOf(a net.Addr) unix.Sockaddr {
	if t, ok := a.(tlsAddr); ok {
		a = t.Addr
	}
	tcp := a.(*net.TCPAddr)
	return &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(tcp.IP.To4())}
}

// emptyBus holds nothing for a room that is followed.
type emptyBus struct {
	bus.Interface
	key ed25519.PrivateKey
}

type noSubscription struct{}

func (noSubscription) Stop() {}

func (*emptyBus) Follow(context.Context, string, bus.Follower) (uint64, bus.Subscription, error) {
	return 1, noSubscription{}, nil
}

func (*emptyBus) Watch(context.Context, bus.Watcher) (bus.Subscription, error) {
	return noSubscription{}, nil
}

func (*emptyBus) Heads(_ context.Context, rooms []string) ([]bus.Head, error) {
	return make([]bus.Head, len(rooms)), nil
}

func (*emptyBus) Subscribe(context.Context, string, func([]byte)) (bus.Subscription, error) {
	return noSubscription{}, nil
}

func (*emptyBus) Publish(string, []byte) error { return nil }
func (*emptyBus) Probe(context.Context) error  { return nil }

func (b *emptyBus) Request(_ context.Context, service string, _ []byte) ([]byte, error) {
	if service == directory.ServiceKeys {
		return auth.EncodeKeys([]auth.PublicKey{{ID: "k", Key: b.key.Public().(ed25519.PublicKey)}})
	}
	return json.Marshal(directory.Access{Read: true, Send: true})
}
