package natsbus_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/follow"
	"hubbub.internal/libs/bus/natsbus"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/checkout"
	"hubbub.internal/libs/freeport"
)

// serverDir and so on tell this test binary to be a nats-server on a folder, so that the suite can
// kill it with -9.
const (
	serverDir    = "NATSBUS_TEST_DIR"
	serverPort   = "NATSBUS_TEST_PORT"
	serverName   = "NATSBUS_TEST_NAME"   // of a server of a cluster
	serverRoutes = "NATSBUS_TEST_ROUTES" // of the cluster, its own first
)

// serverBinary is this test binary without the race detector, which would make a nats-server
// several times as slow: it is in the bus that the tests look for races.
var serverBinary = sync.OnceValues(func() (string, error) {
	dir, err := checkout.Bin()
	if err != nil {
		return "", err
	}
	p := checkout.Program{Name: "natsbus.test", In: "libs", Package: "./bus/natsbus", Test: true}
	return filepath.Join(dir, p.Name), checkout.Build(context.Background(), dir, p)
})

// runServer serves until it is killed. It writes its URL when it is ready.
func runServer(dir string) {
	var port int
	_, _ = fmt.Sscan(os.Getenv(serverPort), &port)
	s, err := natsembed.Start(natsembed.Options{Dir: dir, Port: port, Configure: func(o *server.Options) {
		roomy(o)
		if name := os.Getenv(serverName); name != "" {
			inCluster(o, name, server.RoutesFromStr(os.Getenv(serverRoutes))...)
		}
	}})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.URL())
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // ends with the test process, however that ends
}

// roomy has a server promise more storage than a small disk has: the suite makes many logs on one
// server, of which each reserves what it is allowed and takes next to nothing.
func roomy(o *server.Options) { o.JetStreamMaxStore = 1 << 40 }

// process is a nats-server in a process of its own.
type process struct {
	t    *testing.T
	dir  string
	url  string
	port string
	env  []string
	cmd  *exec.Cmd
}

func (p *process) start() {
	if err := p.tryStart(); err != nil {
		p.t.Error(err)
	}
}

func (p *process) tryStart() error {
	binary, err := serverBinary()
	if err != nil {
		return err
	}
	p.cmd = exec.Command(binary)
	p.cmd.Env = append(append(os.Environ(), p.env...), serverDir+"="+p.dir, serverPort+"="+p.port)
	if _, err := p.cmd.StdinPipe(); err != nil { // open until the process is gone
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	if _, err := fmt.Sscanf(line, "nats://127.0.0.1:%s", &p.port); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	p.url = "nats://127.0.0.1:" + p.port
	return nil
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // says that it was killed
}

func (p *process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Error(err)
	}
}

// environment is what the suite needs of servers at a URL.
func environment(env bustest.Env, url func() string, cfg natsbus.Config) bustest.Env {
	var logs atomic.Int64
	env.Log = func(_ testing.TB, r bustest.Retention) bustest.Log {
		cfg := cfg
		cfg.Stream = fmt.Sprint("LOG", logs.Add(1))
		cfg.Groups, cfg.MaxAge, cfg.MaxBytes, cfg.TrimEvery = r.Groups, r.MaxAge, r.MaxBytes, r.TrimEvery
		cfg.Personal = chat.IsUserRoom
		cfg.MemberEvery, cfg.OpenTimeout = bustest.MemberEvery, patience
		cfg.Follow = follow.Options{CompareEvery: time.Hour} // what is missed has to be noticed
		open := func(t testing.TB, cfg natsbus.Config) bus.Interface {
			t.Helper()
			b, err := natsbus.Open(t.Context(), cfg, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		return bustest.Log{
			Open: func(t testing.TB, via string) bus.Interface {
				t.Helper()
				cfg := cfg
				cfg.Servers = url()
				if via != "" {
					cfg.Servers, cfg.InProcess = "nats://"+via, nil
				}
				return open(t, cfg)
			},
			Operator: func(t testing.TB) bus.Interface {
				t.Helper()
				cfg := cfg
				cfg.Servers, cfg.Groups = url(), nil
				return open(t, cfg)
			},
			Spec: fmt.Sprint(url(), " ", cfg.Stream, " ", max(1, cfg.Replicas), " ", cmp.Or(cfg.Partitions, 16)),
		}
	}
	return env
}

// openMember opens what a Spec of environment says.
func openMember(spec string) (bus.Interface, error) {
	cfg := natsbus.Config{Personal: chat.IsUserRoom, MemberEvery: bustest.MemberEvery, OpenTimeout: patience}
	if _, err := fmt.Sscan(spec, &cfg.Servers, &cfg.Stream, &cfg.Replicas, &cfg.Partitions); err != nil {
		return nil, err
	}
	ctx, cancel := contextOf(patience)
	defer cancel()
	return natsbus.Open(ctx, cfg, nil, nil)
}

// TestConformance runs the suite that every driver runs, on every kind of server.
func TestConformance(t *testing.T) {
	for name, start := range setUps {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bustest.Run(t, start(t))
		})
	}
}

func TestNothingIsLeft(t *testing.T) {
	for name, start := range setUps {
		t.Run(name, func(t *testing.T) { bustest.RunAlone(t, start(t)) })
	}
}

var setUps = map[string]func(*testing.T) bustest.Env{"process": inOther, "cluster": onCluster}

func init() {
	if !bustest.Race { // it would look for races in the server, too
		setUps["in-process"] = inThis
	}
}

// inOther starts a server in a process of its own.
func inOther(t *testing.T) bustest.Env {
	p := &process{t: t, dir: t.TempDir()}
	p.start()
	t.Cleanup(func() { p.kill() })
	return environment(bustest.Env{
		Kill: p.kill, Start: p.start, Pause: func() { p.signal(syscall.SIGSTOP) }, Resume: func() { p.signal(syscall.SIGCONT) },
		Folders: func() []string { return []string{p.dir} }, Addr: strings.TrimPrefix(p.url, "nats://"),
	}, func() string { return p.url }, natsbus.Config{})
}

// inThis starts a server in this process, which cannot be killed: it is shut down.
func inThis(t *testing.T) bustest.Env {
	box := &box{t: t, dir: t.TempDir(), listen: true}
	box.start()
	t.Cleanup(box.stop)
	url := box.s.URL()
	return environment(bustest.Env{
		Kill: box.stop, Start: box.start, Folders: func() []string { return []string{box.dir} }, Addr: strings.TrimPrefix(url, "nats://"),
	}, func() string { return url }, natsbus.Config{InProcess: box})
}

// onCluster starts three servers, of which each has every entry.
func onCluster(t *testing.T) bustest.Env {
	var all []*process
	var routes []string
	for range 3 {
		addr, err := freeport.Addr()
		if err != nil {
			t.Fatal(err)
		}
		routes = append(routes, "nats://"+addr)
	}
	for i := range 3 {
		port, err := freeport.Port()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &process{t: t, dir: t.TempDir(), port: fmt.Sprint(port), env: []string{
			serverName + "=s" + fmt.Sprint(i), serverRoutes + "=" + strings.Join(append([]string{routes[i]}, routes...), ","),
		}})
	}
	each := func(do func(p *process)) func() {
		return func() {
			var wg sync.WaitGroup
			for _, p := range all {
				wg.Go(func() { do(p) })
			}
			wg.Wait()
		}
	}
	each((*process).start)()
	t.Cleanup(each((*process).kill))
	url := func() string { return all[0].url + "," + all[1].url + "," + all[2].url }
	return environment(bustest.Env{
		Kill: each((*process).kill), Start: each((*process).start),
		Pause:    each(func(p *process) { p.signal(syscall.SIGSTOP) }),
		Resume:   each(func(p *process) { p.signal(syscall.SIGCONT) }),
		Folders:  func() []string { return []string{all[0].dir, all[1].dir, all[2].dir} },
		Replicas: true,
	}, url, natsbus.Config{Replicas: 3, Partitions: 4})
}
