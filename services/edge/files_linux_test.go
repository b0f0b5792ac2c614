package edge_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/services/edge"
)

// alone runs the test in a process of its own, for its limits are those of a process. It reports
// whether that is done: in the other process it is false.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv("EDGE_TEST_FILES") != "" {
		return false
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "EDGE_TEST_FILES=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "PASS") {
		t.Fatalf("%v\n%s", err, out)
	}
	return true
}

// TestFileLimit has an edge that is to hold more sockets than its process may open files.
func TestFileLimit(t *testing.T) {
	if alone(t) {
		return
	}
	limit := syscall.Rlimit{Cur: 400, Max: 400}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	for _, tt := range []struct {
		asked, want int
		say         string
	}{
		// the default: nobody asked for it
		{1_000_000, 300, `"msg":"sockets that the limit of open files allows","sockets":300,`},
		{301, 300, `"level":"warn","ts":`},
		{300, 300, `"msg":"sockets that the limit of open files allows","sockets":300,"allowed":300,"files":400`},
		{20, 20, `"msg":"sockets that the limit of open files allows","sockets":20,"allowed":300`},
	} {
		var log logged
		w.log = log.logger()
		e := w.edge(func(c *edge.Config) { c.MaxSockets = tt.asked })
		eventually(t, "the edge says what it can hold", func() bool { return log.has(tt.say) })
		if warned := log.has("--max-sockets is more"); warned != (tt.asked == 301) {
			t.Errorf("asked for %d sockets, it warned: %t", tt.asked, warned)
		}
		if n := e.count("hubbub_edge_max_sockets"); n != float64(tt.want) {
			t.Errorf("asked for %d sockets, it takes %v, want %d", tt.asked, n, tt.want)
		}
	}
}

// TestNoFiles takes all file descriptors away from an edge: connections are refused, those that are
// there go on, and when there are file descriptors again, new ones are let in. It runs in a process
// of its own, with the log in another: an embedded server opens and closes files all the time.
func TestNoFiles(t *testing.T) {
	if alone(t) {
		return
	}
	w := newWorldOn(t, bustest.Redis(t).URL())
	// One loop: of two that refuse at once, one may let somebody in with the file descriptor that
	// the other gave up.
	e := w.edge(func(c *edge.Config) { c.Loops = 1 })
	c := w.login(e, "ann")
	c.join("lobby")
	var held []int
	fds := make([]int, 0, 4)
	for range 4 { // clients' sockets, made while there are file descriptors
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	limit := before
	limit.Cur = 200
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			break
		}
		held = append(held, fd)
	}
	addr := sockaddrOf(e.Addr())
	for _, fd := range fds {
		if err := unix.Connect(fd, addr); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 100)
		n, err := unix.Read(fd, b)
		if err != nil || !strings.HasPrefix(string(b[:max(n, 0)]), "HTTP/1.1 503 ") {
			t.Errorf("refused with %q, %v", b[:max(n, 0)], err)
		}
	}
	c.say("lobby", "m1", "still here")
	for _, fd := range append(held, fds...) {
		_ = unix.Close(fd)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	w.login(e, "bob").join("lobby")
	eventually(t, "all that were refused are counted", func() bool { return e.count("hubbub_edge_refused_total", "files") >= float64(len(fds)) })
}
