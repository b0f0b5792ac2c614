package load

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/rpc"
	"os/exec"

	"golang.org/x/sync/errgroup"
)

// partName is the name of a part in net/rpc.
const partName = "Part"

// remote is the crowd's handle of a part, which runs in this process or a child.
type remote struct {
	rpc  *rpc.Client
	wait func() error // waits until the part has ended
}

// call calls a method of the part.
func call[R any](r *remote, method string, arg any) (reply R, err error) {
	if err := r.rpc.Call(partName+"."+method, arg, &reply); err != nil {
		return reply, fmt.Errorf("a process of the load: %w", err)
	}
	return reply, nil
}

// close ends the part.
func (r *remote) close() {
	_, _ = call[int](r, "Close", 0)
	_ = r.rpc.Close()
	_ = r.wait()
}

// servePart serves a part over conn until the connection ends.
func servePart(conn io.ReadWriteCloser) error {
	p := new(part)
	server := rpc.NewServer()
	if err := server.RegisterName(partName, p); err != nil {
		return fmt.Errorf("serve a part of a load: %w", err)
	}
	server.ServeConn(conn)
	return p.Close(0, nil)
}

// within starts a part in this process.
func within() *remote {
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- servePart(there) }()
	return &remote{rpc: rpc.NewClient(here), wait: func() error { return <-done }}
}

// pipe is a connection made of a reader and a writer, such as those of a child's standard input and
// output.
type pipe struct {
	io.Reader
	io.WriteCloser
}

// childPart starts, with start, a child process that runs a part.
func childPart(cmd *exec.Cmd, start func(*exec.Cmd) error) (*remote, error) {
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("start a process of the load: %w", err)
	}
	if err := start(cmd); err != nil {
		return nil, fmt.Errorf("start a process of the load: %w", err)
	}
	return &remote{rpc: rpc.NewClient(pipe{out, in}), wait: cmd.Wait}, nil
}

// each calls do for all parts at the same time, and returns their replies.
func each[R any](all []*remote, do func(i int, r *remote) (R, error)) ([]R, error) {
	replies := make([]R, len(all))
	var g errgroup.Group
	for i, r := range all {
		g.Go(func() (err error) {
			replies[i], err = do(i, r)
			return err
		})
	}
	return replies, g.Wait()
}
