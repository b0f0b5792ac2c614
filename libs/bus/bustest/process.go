package bustest

import (
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// stopTimeout is how long a process may take to stop in order before it is killed.
const stopTimeout = 10 * time.Second

// process is a server that a test has started.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended and was waited for
	log   tail
}

func spawn(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	contain(p.cmd)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // a killed process is no error
		close(p.ended)
	}()
	return p, nil
}

// end sends the signal and waits until the process has ended; it kills a process that is frozen or
// ignores the signal.
func (p *process) end(sig syscall.Signal) {
	// A signal fails only if the process has ended.
	if sig == syscall.SIGKILL {
		p.kill()
	} else {
		_ = p.freeze(false) // a frozen process sees no other signal
		_ = p.cmd.Process.Signal(sig)
	}
	t := time.NewTimer(stopTimeout)
	defer t.Stop()
	select {
	case <-p.ended:
	case <-t.C:
		p.kill()
		<-p.ended
	}
}

// tail keeps the last few KiB that a process has written.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - tailBytes; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
