package load

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestTooFewFiles: a process that may open too few files says how many sockets are possible, and
// how to get more.
func TestTooFewFiles(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"--sockets 1000":               "--sockets is 1000; it has to be at most 200, since a process may open 300 files: raise that limit (ulimit -n 1100; the hard limit is 300), or take --processes 5",
		"--sockets 1000 --processes 2": "--sockets is 1000; it has to be at most 400, since a process may open 300 files: raise that limit (ulimit -n 600; the hard limit is 300), or take --processes 5",
	} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "ulimit -n 300 && exec "+program(t)+" load --url "+server(t)+" "+args)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), says) {
			t.Errorf("%s: %v: %s", args, err, out)
		}
	}
}

// TestSignal: ctrl-C in mid-ramp ends the program and its children, with the report.
func TestSignal(t *testing.T) {
	t.Parallel()
	cmd, out, rest := started(t, "of 100 (", "--ramp", "5")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest()
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "; interrupted") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestProcessDies: when a child is killed, the load says so, and still prints the report.
func TestProcessDies(t *testing.T) {
	t.Parallel()
	cmd, out, rest := started(t, "acknowledged", "--ramp", "1000", "--duration", "1h")
	if err := syscall.Kill(child(t, cmd.Process.Pid), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	rest()
	if err := cmd.Wait(); err == nil || !strings.Contains(out.String(), "a process of the load") || !strings.Contains(out.String(), "until in its rooms") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// child returns a child of a process.
func child(t *testing.T, of int) int {
	t.Helper()
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range all {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// After the name in parentheses: the state and the parent (proc(5)).
		if f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])); f[1] == strconv.Itoa(of) {
			pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
			return pid
		}
	}
	t.Fatalf("process %d has no child", of)
	return 0
}

// started starts a load of two processes and waits until its output contains a text. It returns the
// program, its output so far, and a function that reads the rest of the output.
func started(t *testing.T, says string, args ...string) (cmd *exec.Cmd, out *bytes.Buffer, rest func()) {
	t.Helper()
	args = append([]string{"load", "--url", server(t), "--sockets", "100", "--users", "2", "--rooms", "2", "--processes", "2"}, args...)
	cmd = exec.CommandContext(t.Context(), program(t), args...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out = new(bytes.Buffer)
	for b := make([]byte, 1<<10); !strings.Contains(out.String(), says); {
		n, err := pipe.Read(b)
		if out.Write(b[:n]); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
	}
	return cmd, out, func() { _, _ = io.Copy(out, pipe) } // until the children have ended, too
}
