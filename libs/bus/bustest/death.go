package bustest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

var deathTests = map[string]func(*testing.T, *suite){
	"a member of a group is killed":                    checkMemberKilled,
	"one of those who serve is killed":                 checkServiceKilled,
	"a reply is lost, and a connection that is silent": checkReplyLost,
}

// A member process is this test's binary, started with these variables.
const (
	memberSpec    = "BUSTEST_SPEC"
	memberGroup   = "BUSTEST_GROUP"
	memberService = "BUSTEST_SERVICE"
)

// Member is called at the beginning of TestMain. In a member process it opens the bus that spec
// names, consumes and serves until the test's process ends or kills it, and reports true.
func Member(open func(spec string) (bus.Interface, error)) bool {
	spec := os.Getenv(memberSpec)
	if spec == "" {
		return false
	}
	go func() {
		// the pipe closes when the test's process ends, however it ends
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		os.Exit(0)
	}()
	if err := member(open, spec); err != nil {
		fmt.Println(err)
	}
	return true
}

func member(open func(spec string) (bus.Interface, error), spec string) error {
	b, err := open(spec)
	if err != nil {
		return err
	}
	if _, err := b.Serve(context.Background(), os.Getenv(memberService), func(context.Context, []byte) ([]byte, error) {
		return []byte("killed"), nil
	}); err != nil {
		return err
	}
	fmt.Println("ready")
	return b.Consume(context.Background(), os.Getenv(memberGroup), func(_ context.Context, batch []bus.Entry) error {
		for _, e := range batch {
			fmt.Println(e.ID)
		}
		return nil
	})
}

// child is a member process.
type child struct {
	cmd *exec.Cmd

	mu    sync.Mutex
	lines []string // ids of the entries that it has consumed
}

// spawn starts a member of a log.
func (l Log) spawn(t *testing.T, group, service string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), memberSpec+"="+l.Spec, memberGroup+"="+group, memberService+"="+service)
	if _, err := c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	contain(c.cmd)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("a member in a process of its own: %s", lines.Text())
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines.Scan() {
			c.mu.Lock()
			c.lines = append(c.lines, lines.Text())
			c.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		c.kill()
		<-read
		_ = c.cmd.Wait() // says that it was killed
	})
	return c
}

func (c *child) kill() { _ = c.cmd.Process.Signal(syscall.SIGKILL) }

func (c *child) ids() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.lines)
}

// checkMemberKilled kills one of two members with -9: the other goes on where the first stopped, in
// order.
func checkMemberKilled(t *testing.T, s *suite) {
	log := s.Log(t, Retention{})
	writer, b := log.open(t, ""), log.open(t, "")
	dying := log.spawn(t, "group", name("service"))
	c := consume(t, b, "group", nil)
	logs := make(map[string][]bus.Entry)
	var rooms []string
	for range 30 {
		rooms = append(rooms, name("room"))
	}
	write := func() {
		for _, r := range rooms {
			logs[r] = append(logs[r], fill(t, writer, r, 1)...)
		}
	}
	eventually(t, "both members get entries", func() bool {
		write()
		return len(dying.ids()) > 0 && len(c.all()) > 0
	})
	dying.kill()
	write()
	for r, log := range logs {
		eventually(t, "everything is consumed", func() bool {
			got := dying.ids()
			for _, e := range c.room(r) {
				got = append(got, e.ID)
			}
			return !slices.ContainsFunc(log, func(e bus.Entry) bool { return !slices.Contains(got, e.ID) })
		})
		if !slices.IsSortedFunc(c.room(r), bySeq) {
			t.Errorf("room %s was handed over out of order", r)
		}
	}
}

// checkServiceKilled kills one of two servers of a service with -9, while requests are made: none
// is answered wrongly or waits for longer than it may, and soon all go to the other.
func checkServiceKilled(t *testing.T, s *suite) {
	service := name("service")
	serve(t, s.open(t), service, func(context.Context, []byte) ([]byte, error) { return []byte("lives"), nil })
	dying := s.log.spawn(t, name("group"), service)
	b := s.open(t)
	ask := func() (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		answer, err := b.Request(ctx, service, nil)
		return string(answer), err
	}
	eventually(t, "both get requests", func() bool {
		answer, err := ask()
		return err == nil && answer == "killed"
	})
	var killed atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for row := 0; row < 50; {
				answer, err := ask()
				switch {
				case err == nil && answer == "lives" && killed.Load():
					row++
				case err == nil && (answer == "lives" || answer == "killed"):
				case errors.Is(err, bus.ErrUnavailable) && killed.Load():
					row = 0
				default:
					t.Errorf("%q, %v", answer, err)
					return
				}
			}
		})
	}
	killed.Store(true)
	dying.kill()
	wg.Wait()
}

// checkReplyLost swallows the server's answers, over connections that stay up, and then cuts the
// connections. An append whose answer was lost is in the log once, and acknowledged with its Seq;
// the probe detects a silent bus; other publishers' messages arrive, once and in order.
func checkReplyLost(t *testing.T, s *suite) {
	if s.Addr == "" {
		return // servers tell clients their own addresses
	}
	p := NewProxy(t, s.Addr)
	b := s.log.open(t, p.Addr())
	for lost := 0; lost < 2; {
		room := name("room")
		f := s.follow(t, b, room)
		put(t, b, entry(room, "ann", chat.NewID()))
		p.Mute()
		acked := make(chan uint64, 1)
		b.Append(entry(room, "ann", "lost-reply"), func(a bus.Appended, err error) {
			if err != nil {
				t.Errorf("append: %v", err)
			}
			acked <- a.Seq
		})
		// 0: it opened a new connection, over which the server speaks first
		var seq uint64
		for end := time.Now().Add(time.Second); seq == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if rep := replay(t, s.bus, room, bus.Position{}, 10); len(rep.Entries) == 2 {
				seq = rep.Entries[1].Seq
				lost++
			}
		}
		if len(acked) > 0 {
			t.Error("it was acknowledged although the reply was lost")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := b.Probe(ctx); !errors.Is(err, bus.ErrUnavailable) {
			t.Errorf("a bus that is connected and silent is probed with %v", err)
		}
		cancel()
		fill(t, s.bus, room, 3)
		p.Cut(false)
		if got := <-acked; seq != 0 && got != seq {
			t.Errorf("acknowledged with %d, in the log with %d", got, seq)
		}
		put(t, b, entry(room, "bob", "last"))
		log := readAll(t, s.bus, room)
		if len(log) != 6 {
			t.Errorf("%d entries, want 6", len(log))
		}
		f.has(t, log)
		eventually(t, "the probe is well", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return b.Probe(ctx) == nil
		})
	}
}
