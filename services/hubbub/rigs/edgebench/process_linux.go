package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// startWithin bounds the start of a server.
const startWithin = 30 * time.Second

// process is a running server.
type process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
}

// start starts a program on some cores, and returns when it is ready.
func (b *bench) start(ctx context.Context, name, cores string, ready func() error, argv ...string) (*process, error) {
	log, err := os.Create(filepath.Join(b.dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", name, err)
	}
	defer log.Close()
	if cores != "" {
		argv = append([]string{"taskset", "-c", cores}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, b.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, log: log.Name(), cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait()
	}()
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		if err = ready(); err == nil {
			return p, nil
		}
		select {
		case <-p.done:
			return nil, fmt.Errorf("%s ended at its start: %s", name, p.tail())
		case <-ctx.Done():
			p.kill()
			return nil, fmt.Errorf("%s is not ready: %w: %s", name, err, p.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// tail returns the end of what the process has printed.
func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

// cpu returns the CPU time that the process has used, in user and kernel mode, to the nanosecond;
// /proc/<pid>/stat has it in hundredths of a second.
func (p *process) cpu() time.Duration {
	// CPUCLOCK_SCHED of a process, as clock_getcpuclockid(3) makes it
	return cpuOf(int32(^p.cmd.Process.Pid<<3 | 2))
}

// cpuOf returns the time of a CPU clock.
func cpuOf(clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0 // the process has ended, and its clients report that
	}
	return time.Duration(t.Nano())
}

// resident returns the resident memory of the process, in bytes.
func (p *process) resident() (int64, error) {
	all, _, err := p.statm()
	return all, err
}

// statm returns the resident memory of the process in bytes, and how much of it are pages of files,
// which processes of the same program share.
func (p *process) statm() (all, shared int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err == nil {
		_, err = fmt.Sscan(string(b), new(int64), &all, &shared)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("memory of %s: %w", p.name, err)
	}
	page := int64(os.Getpagesize())
	return all * page, shared * page, nil
}

var web = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

// goMemory makes a Go program collect its garbage, and returns the bytes of heap and stacks that
// are in use then. pprof is the URL of its profiles.
func goMemory(pprof string) (int64, error) {
	r, err := web.Get(pprof + "/heap?gc=1&debug=1")
	if err != nil {
		return 0, fmt.Errorf("heap profile: %w", err)
	}
	defer r.Body.Close()
	found, sum := 0, int64(0)
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// # HeapAlloc = 1234, # Stack = 56 / 78
		f := strings.Fields(lines.Text())
		if len(f) >= 4 && f[0] == "#" && (f[1] == "HeapAlloc" || f[1] == "Stack") && f[2] == "=" {
			n, err := strconv.ParseInt(f[3], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("heap profile: %w", err)
			}
			sum += n
			found++
		}
	}
	if found != 2 {
		return 0, fmt.Errorf("heap profile: it lacks HeapAlloc or Stack: %w", lines.Err())
	}
	return sum, nil
}

// profile writes a CPU profile of a Go program to a file.
func profile(pprof, file string, duration time.Duration) error {
	r, err := web.Get(fmt.Sprintf("%s/profile?seconds=%d", pprof, max(1, int(duration.Seconds()))))
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer r.Body.Close()
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if _, err := io.Copy(f, r.Body); err != nil {
		_ = f.Close()
		return fmt.Errorf("profile: %w", err)
	}
	return f.Close()
}

func listening(addr string) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

func answers(url string) func() error {
	return func() error {
		r, err := web.Get(url)
		if err != nil {
			return err
		}
		_ = r.Body.Close()
		if r.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", url, r.Status)
		}
		return nil
	}
}
