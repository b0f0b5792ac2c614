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

// network is a network namespace of its own, with a pair of virtual interfaces between it and this
// machine. It is gone when it is closed and the processes in it have ended, also when this process
// is killed.
//
// The addresses are of the network that RFC 2544 sets aside for benchmarks.
type network struct {
	prefix netip.Prefix // all addresses of it
	host   netip.Addr   // this machine's
	link   string       // this machine's interface
	do     chan func()  // run by the one thread of this process that is in it
	ended  chan struct{}
}

var benchmarks = []netip.Prefix{netip.MustParsePrefix("198.18.0.0/16"), netip.MustParsePrefix("198.19.0.0/16")}

// errNetns says what it takes.
var errNetns = errors.New("--netns needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN, and the program ip (iproute2)")

// openNetwork makes a network.
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
		// Every address of the upper half is ours.
		fmt.Sprintf("route add local %s/17 dev lo", n.from(0).Prev()),
	} {
		if err := ip(ctx, n.start, args); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// freePrefix returns addresses that this machine does not use: two loads can have networks at the
// same time.
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
	return netip.Prefix{}, fmt.Errorf("--netns: the networks %v, which it has addresses from, are both in use", benchmarks)
}

// inside has the thread that it runs on be in a new namespace, until close.
func (n *network) inside(thread chan<- int) error {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		// The main thread is what /proc/self is about. Another takes it on, while this one is kept
		// busy.
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
	// The thread may have started processes that are to be killed when it ends (childAttributes):
	// it goes back and lives on.
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

// close takes the network down. No process is in it any more.
func (n *network) close() {
	// else it is gone a little later
	_ = ip(context.Background(), (*exec.Cmd).Start, "link delete "+n.link)
	close(n.do)
	<-n.ended
}

// from returns the first address of a part's sockets: each part has 254.
func (n *network) from(part int) netip.Addr {
	a := n.prefix.Addr().As4()
	a[2], a[3] = byte(128+part), 1
	return netip.AddrFrom4(a)
}

// reaches makes the addresses of edges those that they have inside the network, and says
// when nothing answers there.
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
			return fmt.Errorf("with --netns %s is connected to at %s, and that fails: %w; the server has to be on this machine and to listen on all of its addresses, as with --listen :%d",
				e.Host, e.Addr, err, e.Addr.Port())
		}
	}
	return nil
}

// ip runs the program of that name.
func ip(ctx context.Context, start func(*exec.Cmd) error, args string) error {
	var says strings.Builder
	cmd := exec.CommandContext(ctx, "ip", strings.Fields(args)...)
	cmd.Stdout, cmd.Stderr = &says, &says
	err := start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%w: ip %s: %w: %s", errNetns, args, err, strings.TrimSpace(says.String()))
	}
	return nil
}
