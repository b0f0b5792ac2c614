package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"hubbub.internal/services/hubbub/rigs/load/fleet"
)

const haveNetns = true

// network is a network namespace, with a pair of virtual interfaces between it and this machine.
// The kernel removes it when it is closed and the processes in it have ended, also when this
// process is killed.
//
// The addresses are of the network that RFC 2544 reserves for benchmarks.
type network struct {
	prefix netip.Prefix // all its addresses
	host   netip.Addr   // this machine's
	link   string       // this machine's interface
	do     chan func()  // functions for the one thread of this process that is in the namespace
	ended  chan struct{}
}

var benchmarks = []netip.Prefix{netip.MustParsePrefix("198.18.0.0/16"), netip.MustParsePrefix("198.19.0.0/16")}

// errNetns says what --netns needs.
var errNetns = errors.New("--netns needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN, and the program ip (iproute2)")

// openNetwork creates a network.
func openNetwork(ctx context.Context) (_ *network, err error) {
	prefix, err := freePrefix()
	if err != nil {
		return nil, err
	}
	n := &network{
		prefix: prefix, host: prefix.Addr().Next(), link: fmt.Sprint("hubbub", os.Getpid()),
		do: make(chan func()), ended: make(chan struct{}),
	}
	thread := make(chan int)
	var refused error
	go func() {
		defer close(n.ended)
		defer close(thread)
		refused = n.inside(thread)
	}()
	tid, ok := <-thread
	if !ok {
		return nil, fmt.Errorf("%w: %w", errNetns, refused)
	}
	defer func() {
		if err != nil {
			n.close()
		}
	}()
	there := fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), tid)
	for _, args := range []string{
		"link add " + n.link + " type veth peer name eth0 netns " + there,
		fmt.Sprintf("address add %s/%d dev %s", n.host, prefix.Bits(), n.link),
		"link set " + n.link + " up",
	} {
		if err := ip(ctx, (*exec.Cmd).Start, args); err != nil {
			return nil, err
		}
	}
	for _, args := range []string{
		"link set lo up",
		fmt.Sprintf("address add %s/%d dev eth0", n.host.Next(), prefix.Bits()),
		"link set eth0 up",
		"route add default via " + n.host.String(),
		// Every address of the upper half is local, so that sockets can come from it.
		fmt.Sprintf("route add local %s/17 dev lo", n.from(0).Prev()),
	} {
		if err := ip(ctx, n.start, args); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// freePrefix returns a prefix that this machine does not use, so that two loads can have networks
// at the same time.
func freePrefix() (netip.Prefix, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("--netns: %w", err)
	}
next:
	for _, p := range benchmarks {
		for _, a := range addrs {
			if used, err := netip.ParsePrefix(a.String()); err == nil && used.Overlaps(p) {
				continue next
			}
		}
		return p, nil
	}
	return netip.Prefix{}, fmt.Errorf("--netns: the networks %v, whose addresses it uses, are both taken", benchmarks)
}

// inside moves its thread to a new namespace and runs the functions from do there, until close.
func (n *network) inside(thread chan<- int) error {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		// /proc/self shows the main thread, which must not move: keep it waiting here, and let
		// another thread do the work.
		defer runtime.UnlockOSThread()
		err := make(chan error)
		go func() { err <- n.inside(thread) }()
		return <-err
	}
	before, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("network namespace: %w", err)
	}
	defer before.Close()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	thread <- unix.Gettid()
	for f := range n.do {
		f()
	}
	// The kernel kills the processes that this thread started when the thread ends
	// (childAttributes), so it returns to its old namespace and lives on.
	if err := unix.Setns(int(before.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("setns: %w", err) // still locked, it ends with this goroutine
	}
	runtime.UnlockOSThread()
	return nil
}

// within runs f in the namespace: what it opens or starts is there.
func (n *network) within(f func() error) error {
	err := make(chan error)
	n.do <- func() { err <- f() }
	return <-err
}

// start starts a program in the namespace.
func (n *network) start(cmd *exec.Cmd) error { return n.within(cmd.Start) }

// close removes the network. Call it when no process is in it any more.
func (n *network) close() {
	// otherwise the kernel removes it a little later
	_ = ip(context.Background(), (*exec.Cmd).Start, "link delete "+n.link)
	close(n.do)
	<-n.ended
}

// from returns the first source address of a part's sockets: each part has 254.
func (n *network) from(part int) netip.Addr {
	a := n.prefix.Addr().As4()
	a[2], a[3] = byte(128+part), 1
	return netip.AddrFrom4(a)
}

// reaches replaces loopback addresses of edges by this machine's address in the network, and
// returns an error if nothing answers at an edge's address from there.
func (n *network) reaches(ctx context.Context, edges []fleet.Edge) error {
	for i := range edges {
		e := &edges[i]
		if e.Addr.Addr().IsLoopback() {
			e.Addr = netip.AddrPortFrom(n.host, e.Addr.Port())
		}
		d := net.Dialer{Timeout: 3 * time.Second}
		if err := n.within(func() error {
			c, err := d.DialContext(ctx, "tcp", e.Addr.String())
			if err != nil {
				return err
			}
			return c.Close()
		}); err != nil {
			return fmt.Errorf("with --netns the sockets for %s connect to %s, and that fails: %w; the server has to be on this machine and to listen on all of its addresses, as with --listen :%d",
				e.Host, e.Addr, err, e.Addr.Port())
		}
	}
	return nil
}

// ip runs the program of that name.
func ip(ctx context.Context, start func(*exec.Cmd) error, args string) error {
	var output strings.Builder
	cmd := exec.CommandContext(ctx, "ip", strings.Fields(args)...)
	cmd.Stdout, cmd.Stderr = &output, &output
	err := start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%w: ip %s: %w: %s", errNetns, args, err, strings.TrimSpace(output.String()))
	}
	return nil
}
