package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// TestGoMemory reads the memory in use from the profile that Go's own handler writes.
func TestGoMemory(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(pprof.Index))
	defer s.Close()
	before, err := goMemory(s.URL + "/debug/pprof")
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	held := make([]byte, size)
	after, err := goMemory(s.URL + "/debug/pprof")
	runtime.KeepAlive(held)
	if grown := after - before; err != nil || grown < size-size/8 || grown > size+size/8 {
		t.Errorf("%d bytes more are in use after %d were allocated: %v", grown, size, err)
	}
}

// TestClock reads the CPU time of another process.
func TestClock(t *testing.T) {
	cmd := exec.Command("sh", "-c", "while :; do :; done")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd}
	for until := time.Now().Add(20 * time.Second); p.cpu() < 20*time.Millisecond; {
		if time.Now().After(until) {
			t.Fatalf("a busy process has used %s", p.cpu())
		}
		time.Sleep(time.Millisecond)
	}
	if r, err := p.resident(); err != nil || r < int64(os.Getpagesize()) {
		t.Errorf("its memory is %d bytes: %v", r, err)
	}
	used := p.cpu()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	total := cmd.ProcessState.SystemTime() + cmd.ProcessState.UserTime()
	if used > total+20*time.Millisecond { // which is rounded to ticks
		t.Errorf("it had used %s, and %s in the end", used, total)
	}
}
