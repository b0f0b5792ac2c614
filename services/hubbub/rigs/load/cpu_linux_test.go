package load

import (
	"os"
	"slices"
	"testing"
)

// TestServerCPU: a load finds the processes that listen where its sockets connect, and reports
// their CPU time.
func TestServerCPU(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	up := cfg.serverPids()
	if len(up) != 1 || up[0] == os.Getpid() {
		t.Fatalf("the server is found to be the processes %v", up)
	}
	cfg.Rate, cfg.Storm = 100, false
	r, err := run(t, cfg)
	if err != nil || !slices.Equal(r.Pids, up) || r.CPU <= 0 {
		t.Errorf("%v: %v took %f µs per delivery", err, r.Pids, r.CPU)
	}
	cfg.Pids = []int{os.Getpid()}
	if got := cfg.serverPids(); !slices.Equal(got, cfg.Pids) {
		t.Errorf("the processes are %v, want the configured %v", got, cfg.Pids)
	}
	if mine := cpuTime(cfg.Pids); mine <= 0 {
		t.Errorf("the CPU time of this process is %s", mine)
	}
	if gone := cpuTime([]int{1 << 30}); gone != 0 {
		t.Errorf("the CPU time of a process that does not exist is %s", gone)
	}
	cfg.Pids, cfg.Edges = nil, []string{"http://192.0.2.1:80"}
	if got := cfg.serverPids(); len(got) > 0 {
		t.Errorf("the processes of a server elsewhere are %v", got)
	}
}
