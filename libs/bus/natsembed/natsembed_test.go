package natsembed_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/bus/natsembed"
)

// childDir tells this test binary to be a process that appends to a server of its own until it is
// killed.
const childDir = "NATSEMBED_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// child appends messages and writes the number of each one that was acknowledged.
func child(dir string) {
	s, err := natsembed.Start(natsembed.Options{Dir: dir, Port: natsembed.NoListener})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		panic(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		panic(err)
	}
	ctx, cancel := timeout()
	defer cancel()
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		panic(err)
	}
	for {
		a, err := js.Publish(ctx, "s", []byte("data"))
		if err != nil {
			panic(err)
		}
		fmt.Println(a.Sequence)
	}
}

// TestKill holds that what was acknowledged before a kill -9 is there after it, and that the folder
// is free again.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acked uint64
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, err := fmt.Sscan(lines.Text(), &acked); err != nil {
			t.Fatal(lines.Text())
		}
		if acked == 500 {
			if _, err := natsembed.Start(natsembed.Options{Dir: dir}); !errors.Is(err, natsembed.ErrLocked) {
				t.Errorf("a second server on the folder: %v", err)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // it was killed

	s := start(t, natsembed.Options{Dir: dir, Port: natsembed.NoListener})
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := timeout()
	defer cancel()
	stream, err := js.Stream(ctx, "S")
	if err != nil {
		t.Fatal(err)
	}
	if st := stream.CachedInfo().State; acked < 500 || st.LastSeq < acked || st.Msgs != st.LastSeq {
		t.Errorf("%d messages up to %d; %d were acknowledged", st.Msgs, st.LastSeq, acked)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	s := start(t, natsembed.Options{Dir: dir, Port: natsembed.NoListener})
	if s.URL() != "" {
		t.Errorf("a server without a listener is at %s", s.URL())
	}
	_, err := natsembed.Start(natsembed.Options{Dir: dir})
	if !errors.Is(err, natsembed.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second server on the folder: %v", err)
	}
	s.Shutdown()
	s.Shutdown()
	start(t, natsembed.Options{Dir: dir})
}

func TestListener(t *testing.T) {
	log, seen := observer.New(zap.WarnLevel)
	s := start(t, natsembed.Options{Dir: t.TempDir(), Log: zap.New(log)})
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	if got := nc.MaxPayload(); got < 768<<10 {
		t.Errorf("the greatest message is %d bytes", got)
	}
	nc.Close()
	_, port, err := net.SplitHostPort(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var n int
	_, _ = fmt.Sscan(port, &n)
	if _, err := natsembed.Start(natsembed.Options{Dir: t.TempDir(), Port: n}); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a port in use: %v", err)
	}
	if seen.Len() != 0 {
		t.Errorf("a good start warns: %v", seen.All())
	}
}

func TestInProcess(t *testing.T) {
	server, stop, err := natsembed.InProcess(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect("", nats.InProcessServer(server))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	stop()
}

func start(t *testing.T, o natsembed.Options) *natsembed.Server {
	t.Helper()
	s, err := natsembed.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	return s
}

func timeout() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Minute)
}
