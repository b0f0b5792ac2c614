package hubbub_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"hubbub.internal/libs/certtest"
	"hubbub.internal/libs/checkout"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/freeport"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/hubbub/rigs/cluster"
	"hubbub.internal/services/hubbub/rules/markdown"
)

// typedWithin bounds a command.
const typedWithin = 3 * time.Minute

// TestCommands types the commands that are documented, as they are written, in a copy of the tree
// in which nothing was ever built.
func TestCommands(t *testing.T) {
	t.Parallel()
	dir := copyTree(t)
	page(t, dir)
	env := servers(t)
	first := []string{"make help", "make build"} // which the others may take for granted
	for _, command := range first {
		run(t, dir, env, covered[command].run)
	}
	served, stop := serve(t, dir, env, "bin/hubbub up --listen $LISTEN --ops-listen $OPS --data $DATA")
	for _, command := range slices.Sorted(maps.Keys(covered)) {
		by := covered[command]
		switch {
		case by.file != "" || slices.Contains(first, command):
		case strings.HasPrefix(command, "make run") || command == "bin/hubbub up" || command == "bin/hubbub up --tls":
			_, stop := serve(t, dir, env, by.run)
			stop()
		default:
			out := run(t, dir, served, by.run)
			if check := says[command]; check != nil {
				check(t, out)
			}
		}
	}
	talk(t, dir, served)
	stop()
}

// says checks what commands print, where it is more than that all was well.
var says = map[string]func(t *testing.T, out string){
	"make bench-bus":               func(t *testing.T, out string) { measured(t, out, 2) },
	"make bench-bus URL=redis://…": func(t *testing.T, out string) { measured(t, out, 1) },
	"make crash-bus": func(t *testing.T, out string) {
		if n := strings.Count(out, "2000 entries in the log: 0 lost, 0 doubled, 0 out of order"); n != 2 {
			t.Errorf("%d buses were killed: %s", n, out)
		}
	},
	"make drill": func(t *testing.T, out string) {
		if n := strings.Count(out, "1 faults on "); n != 2 || strings.Count(out, "0 bad") != 2 {
			t.Errorf("%d buses were broken: %s", n, out)
		}
	},
	"make soak": func(t *testing.T, out string) {
		for _, name := range []string{"directory", "history", "edge-3", "presence-2"} {
			if !strings.Contains(out, name) {
				t.Errorf("%s was not measured: %s", name, out)
			}
		}
	},
	"bin/hubbub load": func(t *testing.T, out string) {
		if !strings.Contains(out, "0 lost, 0 doubled, 0 misordered") {
			t.Errorf("no verdict: %s", out)
		}
	},
}

// measured holds that every cell of a table has a number above 0.
func measured(t *testing.T, out string, buses int) {
	t.Helper()
	rows := 0
	for line := range strings.Lines(out) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || len(cells) < 2 || strings.Contains(line, "---") || strings.TrimSpace(cells[0]) == "" {
			continue
		}
		rows++
		if len(cells) != 1+buses {
			t.Errorf("%q has not a column for each bus", line)
		}
		for _, c := range cells[1:] {
			if !strings.ContainsAny(c, "123456789") {
				t.Errorf("%q has no number", line)
			}
		}
	}
	if rows < 12 {
		t.Errorf("%d rows:\n%s", rows, out)
	}
}

// talk runs the requests of PROTOCOL.md, in the order in which they stand there, with what the
// first answers.
func talk(t *testing.T, dir string, env []string) {
	t.Helper()
	url := ""
	for _, e := range env {
		if u, ok := strings.CutPrefix(e, "SERVER="); ok {
			url = u
		}
	}
	owner, err := client.NewAPI(url, nil).Guest(t.Context(), "Bookworm")
	if err != nil {
		t.Fatal(err)
	}
	room, err := owner.CreateRoom(t.Context(), "books", "", false)
	if err != nil {
		t.Fatal(err)
	}
	env = append(env, "HUBBUB="+url, "ROOM="+room.ID)
	b, err := os.ReadFile(filepath.Join(dir, "libs/wire/PROTOCOL.md"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, block := range markdown.Commands(string(b)) {
		for line := range strings.Lines(block) {
			if !strings.HasPrefix(line, "curl ") {
				continue
			}
			out := run(t, dir, env, line)
			var answer struct{ Token, Refresh_Token, Code string }
			if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Code != "" {
				t.Errorf("%s is answered %q", line, out)
			}
			if n++; n == 1 {
				env = append(env, "TOKEN="+answer.Token, "REFRESH="+answer.Refresh_Token)
			}
		}
	}
	if n == 0 {
		t.Error("PROTOCOL.md has no requests")
	}
}

// copyTree returns a copy of the checkout, without what is built and what is not ours, but with the
// programs of the tests: Go knows that they are up to date, and a minute of linking is saved.
func copyTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	bin, err := checkout.Bin()
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, ".cache", "test-bin")
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	programs, _ := os.ReadDir(bin) // there are none on a fresh clone
	for _, p := range programs {
		if !p.Type().IsRegular() {
			continue // a build that goes on
		}
		b, err := os.ReadFile(filepath.Join(bin, p.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, p.Name()), b, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	err = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (built(d.Name()) || name == "bin" || name == "data"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, name), 0o755)
		case !d.Type().IsRegular() || name == ".git": // which is a file in a worktree
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), b, info.Mode())
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// built reports whether folders of that name have nothing of ours.
func built(name string) bool {
	return slices.Contains([]string{".git", ".cache", "node_modules", "dist", "test-results"}, name)
}

// page puts a page into the tree that make takes for built: to build it takes npm, and a minute.
// infra/test/run.sh does.
func page(t *testing.T, dir string) {
	t.Helper()
	later := time.Now().Add(time.Hour)
	for _, file := range []string{"web/node_modules/.package-lock.json", "web/dist/index.html"} {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("<!doctype html>the page"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, later, later); err != nil {
			t.Fatal(err)
		}
	}
}

// servers starts the servers that commands are led to, and returns the environment that names them.
func servers(t *testing.T) []string {
	t.Helper()
	bin, err := checkout.Bin()
	if err == nil {
		err = cluster.Build(t.Context(), bin, "nats-server")
	}
	if err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "HUBBUB_") || strings.HasPrefix(e, "MAKE") })
	for name, kind := range map[string]string{"REDIS": cluster.Redis, "NATS": cluster.NATS} {
		p, url, err := cluster.StartBus(t.Context(), kind, bin, filepath.Join(t.TempDir(), kind))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		env = append(env, name+"="+url)
	}
	cert, key := certtest.NewCA(t).Files(t, t.TempDir(), "127.0.0.1")
	return append(env, "CERT="+cert, "KEY="+key, "MONGODB="+mongotest.URL(t), "PATH="+os.Getenv("PATH")+":/usr/sbin")
}

// run runs a command until it ends, and returns what it prints.
func run(t *testing.T, dir string, env []string, command string) string {
	t.Helper()
	began := time.Now()
	cmd := exec.CommandContext(t.Context(), "timeout", fmt.Sprint(typedWithin.Seconds()), "bash", "-c", command)
	cmd.Dir, cmd.Env = dir, env
	cmd.WaitDelay = 10 * time.Second // a process that the command has left holds its output open
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s, after %.0f s\n%v: %s", command, time.Since(began).Seconds(), err, out)
	}
	t.Logf("%4.1f s  %s", time.Since(began).Seconds(), command)
	return string(out)
}

// serve runs a command that goes on until stop is called, and returns the environment that names
// where it listens.
func serve(t *testing.T, dir string, env []string, command string) (_ []string, stop func()) {
	t.Helper()
	listen, ops := address(t), address(t)
	env = append(slices.Clone(env), "LISTEN="+listen, "OPS="+ops, "DATA="+t.TempDir(), "SERVER=http://"+listen)
	var says strings.Builder
	cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &says, &says
	// so that a signal reaches all of them, as in a terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = typedWithin
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // make says that it was interrupted
	}()
	stop = func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		<-ended
	}
	for deadline := time.Now().Add(typedWithin); ; time.Sleep(20 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("%s\nended: %s", command, says.String())
		default:
		}
		if _, err := get("http://" + ops + "/readyz"); err == nil {
			break
		}
		if time.Now().After(deadline) {
			stop()
			t.Fatalf("%s\nis not ready: %s", command, says.String())
		}
	}
	page := "http://" + listen + "/"
	if strings.Contains(command, " --tls") {
		page = "https://" + listen + "/"
	}
	if body, err := get(page); err != nil || !strings.Contains(body, "the page") {
		t.Errorf("%s\nhas no page: %v, %q", command, err, body)
	}
	return env, stop
}

func address(t *testing.T) string {
	t.Helper()
	port, err := freeport.Port()
	if err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", fmt.Sprint(port))
}

// trusting takes any certificate.
var trusting = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // of a server of this test

func get(url string) (string, error) {
	res, err := trusting.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, b)
	}
	return string(b), err
}
