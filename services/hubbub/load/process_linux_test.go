package load

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestTooFewFiles: a process that may open too few files says how many sockets are possible, and how to get more.
func TestTooFewFiles(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"--sockets 1000":               "200 sockets are possible, not 1000, since a process may open 300 files: raise that limit (ulimit -n 1100; the hard limit is 300), or take --processes 5",
		"--sockets 1000 --processes 2": "400 sockets are possible, not 1000, since a process may open 300 files: raise that limit (ulimit -n 600; the hard limit is 300), or take --processes 5",
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
	cmd := exec.CommandContext(t.Context(), program(t), "load", "--url", server(t), "--ramp", "5", "--sockets", "100", "--users", "2", "--processes", "2")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for b := make([]byte, 1<<10); ; {
		n, err := pipe.Read(b)
		out.Write(b[:n])
		if strings.Contains(out.String(), "of 100 (") {
			break
		}
		if err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(&out, pipe) // until the children have ended, too
	if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "; interrupted") {
		t.Errorf("%v: %s", err, out.String())
	}
}
