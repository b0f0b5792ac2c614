package cluster

import (
	"fmt"
	"path/filepath"
)

// Up returns `hubbub up`, not yet started, at its Addr with its data in dir and further arguments.
func Up(bin, dir string, args ...string) *Process {
	listen, ops := fmt.Sprintf("127.0.0.1:%d", freePort()), fmt.Sprintf("127.0.0.1:%d", freePort())
	return &Process{
		Name: "up", Addr: listen, Ops: ops, dir: dir, ready: answers("http://" + ops + "/readyz"),
		path: filepath.Join(bin, "hubbub"),
		args: append([]string{"up", "--listen", listen, "--ops-listen", ops, "--pprof", "--data", filepath.Join(dir, "data"), "--web", "none"}, args...),
	}
}
