package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// readyWithin bounds the start of one process.
const readyWithin = 30 * time.Second

// Process is a program that can be started again and again with the same arguments, ports and
// files. Its methods are safe for concurrent use.
type Process struct {
	Name string
	Addr string // public address; empty: none
	Ops  string // address of the ops port; empty: none
	Data string // folder of its data; empty: none
	File string // SQLite file in that folder; empty: none

	path   string
	args   []string
	env    []string // nil: that of this process
	dir    string
	ready  func() error
	orphan syscall.Signal // signal that the process gets when this one dies; 0: SIGKILL

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has been reaped
}

// Use makes the next Start run the program of the same name in another folder, such as that of
// another release.
func (p *Process) Use(bin string) error {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return fmt.Errorf("folder of %s: %w", p.Name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.path = filepath.Join(bin, filepath.Base(p.path))
	return nil
}

// Start runs the program and returns when it is ready. It appends the output to <name>.log.
func (p *Process) Start(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	log, err := os.OpenFile(p.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("log of %s: %w", p.Name, err)
	}
	defer log.Close()
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.Env = log, log, p.dir, p.env
	cmd.SysProcAttr = childAttributes(p.orphan)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait()
	}()
	p.cmd, p.done = cmd, done

	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		if err = p.ready(); err == nil {
			return nil
		}
		select {
		case <-done:
			return fmt.Errorf("%s ended at its start: %s", p.Name, p.LogTail())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w: %s", p.Name, err, p.LogTail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Runs reports whether the process was started and has not ended.
func (p *Process) Runs() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Kill ends the process and its child processes at once (SIGKILL) and waits for it. It does nothing
// if the process has ended.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Stop asks the process to end (SIGTERM) and waits for it.
func (p *Process) Stop() { p.end(syscall.SIGTERM) }

// Terminate asks the process to end (SIGTERM) and does not wait for it.
func (p *Process) Terminate() error { return p.signal(syscall.SIGTERM) }

func (p *Process) end(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	// A redis-server that is rewriting its append-only file refuses to end: ask again.
	for ended := false; !ended; {
		_ = p.send(sig) // an error means that the process has ended by itself
		select {
		case <-p.done:
			ended = true
		case <-time.After(time.Second):
		}
	}
	p.cmd = nil
}

// Pause stops the process and its child processes from running (SIGSTOP) until Resume.
func (p *Process) Pause() error { return p.signal(syscall.SIGSTOP) }

// Resume lets a paused process go on (SIGCONT).
func (p *Process) Resume() error { return p.signal(syscall.SIGCONT) }

func (p *Process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return fmt.Errorf("%s does not run", p.Name)
	}
	if err := p.send(sig); err != nil {
		return fmt.Errorf("signal %s: %w", p.Name, err)
	}
	return nil
}

// send sends a signal to the process. p.mu is held.
func (p *Process) send(sig syscall.Signal) error {
	if sig == syscall.SIGTERM {
		return p.cmd.Process.Signal(sig) // the process passes it on to its children
	}
	return syscall.Kill(-p.cmd.Process.Pid, sig)
}

// LogFile returns the path of the file with the output of the process.
func (p *Process) LogFile() string { return filepath.Join(p.dir, p.Name+".log") }

// LogTail returns the end of the output of the process.
func (p *Process) LogTail() string {
	const most = 2 << 10
	b, err := os.ReadFile(p.LogFile())
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-most):])
}

// listening returns a check that succeeds when something accepts connections at addr.
func listening(addr string) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// answers returns a check that succeeds when url answers 200.
func answers(url string) func() error {
	client := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return func() error {
		r, err := client.Get(url)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		if r.StatusCode != http.StatusOK {
			why, _ := io.ReadAll(io.LimitReader(r.Body, 1<<10))
			return errors.New(string(why))
		}
		return nil
	}
}
