package natsbus_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/natsbus"
	"hubbub.internal/libs/bus/natsembed"
)

// serverDir tells this test binary to be a nats-server on a folder, so that the suite can kill it with -9.
const (
	serverDir  = "NATSBUS_TEST_DIR"
	serverPort = "NATSBUS_TEST_PORT"
)

// runServer serves until it is killed. It writes its URL when it is ready.
func runServer(dir string) {
	var port int
	_, _ = fmt.Sscan(os.Getenv(serverPort), &port)
	s, err := natsembed.Start(natsembed.Options{Dir: dir, Port: port})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.URL())
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // ends with the test process, however that ends
}

// process is a nats-server in a process of its own.
type process struct {
	t    *testing.T
	dir  string
	url  string
	port string
	cmd  *exec.Cmd
}

func (p *process) start() {
	p.t.Helper()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), serverDir+"="+p.dir, serverPort+"="+p.port)
	in, err := p.cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	_ = in // open until the process is gone
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.t.Fatal(line, err)
	}
	if _, err := fmt.Sscanf(line, "nats://127.0.0.1:%s", &p.port); err != nil {
		p.t.Fatal(line)
	}
	p.url = "nats://127.0.0.1:" + p.port
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // says that it was killed
}

// TestConformance runs the suite that every driver runs, against a nats-server process.
func TestConformance(t *testing.T) {
	p := &process{t: t, dir: t.TempDir()}
	p.start()
	t.Cleanup(func() { p.kill() })
	var logs atomic.Int64
	bustest.Run(t, bustest.Env{
		Log: func(_ testing.TB, r bustest.Retention) func(testing.TB) bus.Bus {
			cfg := natsbus.Config{
				Servers: p.url, Stream: fmt.Sprint("LOG", logs.Add(1)), Groups: r.Groups, MaxAge: r.MaxAge, MaxBytes: r.MaxBytes,
				TrimEvery: r.TrimEvery, MemberEvery: bustest.MemberEvery,
			}
			return func(t testing.TB) bus.Bus {
				t.Helper()
				b, err := natsbus.Open(t.Context(), cfg, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
		},
		Kill:  p.kill,
		Start: p.start,
	})
}
