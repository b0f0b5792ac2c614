package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory"
	"hubbub.internal/services/directory/store/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a directory service, with the socket that `hubbub up` has in its data folder, which it
// returns.
func serve(t *testing.T) (data string) {
	t.Helper()
	data, err := os.MkdirTemp("", "hub") // t.TempDir may be longer than a socket's path can be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	b := membus.NewServer(membus.Options{}).Open()
	d, err := directory.New(directory.Config{
		TokenLife: 1e12, SessionLife: 1e13, KeyLife: 1e15, Registration: true, HashMemory: 64, HashTime: 1, HashParallel: 1, LoginAttempts: 5,
		AccountRate: 100, ChangeRate: 100, AuditKeep: 1e15,
	}, directory.Deps{Bus: b, Store: memory.New(), Log: zap.NewNop(), Setup: func(string, time.Duration) {}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(data)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- d.Run(ctx) }()
	go func() { done <- Serve(ctx, l, d.AdminHandler()) }()
	t.Cleanup(func() {
		cancel()
		if err := errors.Join(<-done, <-done, b.Close()); err != nil {
			t.Error(err)
		}
	})
	for d.Ready(t.Context()) != nil {
		time.Sleep(time.Millisecond)
	}
	return data
}

func run(t *testing.T, data, do, who string, change ...func(*Config)) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := Config{Do: do, Who: who, Data: data, URL: "https://chat.example/", Role: "operator", Uses: 1}
	for _, f := range change {
		f(&c)
	}
	if err := c.Validate(); err != nil {
		return "", err
	}
	err := c.Execute(t.Context(), &out)
	return out.String(), err
}

// TestThroughSocket runs commands against a directory service, as against a `hubbub up`.
func TestThroughSocket(t *testing.T) {
	data := serve(t)
	if info, err := os.Stat(filepath.Join(data, Socket)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	out, err := run(t, data, "create", "Ann")
	if err != nil || !strings.HasPrefix(out, "https://chat.example/#/reset/") {
		t.Fatalf("create: %q, %v", out, err)
	}
	if _, err := run(t, data, "promote", "Ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, data, "demote", "Ann"); chat.CodeOf(err) != chat.CodeConflict || !strings.Contains(err.Error(), "last operator") {
		t.Errorf("the last operator: %v", err)
	}
	if out, err = run(t, data, "invite", ""); err != nil || !strings.HasPrefix(out, "https://chat.example/?invite=") {
		t.Errorf("invite: %q, %v", out, err)
	}
	out, err = run(t, data, "retention", "60 days", func(c *Config) { c.Least = new("1 week") })
	if err != nil || out != `{"keep":"60 days","least":"7 days"}`+"\n" {
		t.Errorf("retention: %q, %v", out, err)
	}
	for _, tt := range [][2]string{{"10 messages", `{"count":10,"least":7,"rule":"10 messages"}`}, {"", `{"count":10,"least":7,"rule":"10 messages"}`}, {"default", `{"days":60}`}} {
		out, err = run(t, data, "retention", tt[0], func(c *Config) { c.Room = "lobby" })
		if err != nil || out != tt[1]+"\n" {
			t.Errorf("retention of a room, %q: %q, %v", tt[0], out, err)
		}
	}
	if _, err = run(t, data, "retention", "soon"); chat.CodeOf(err) != chat.CodeBadRequest {
		t.Errorf("no rule: %v", err)
	}
	if out, err = run(t, data, "users", ""); err != nil || !strings.Contains(out, `"role":"operator"`) || strings.Count(out, "\n") != 1 {
		t.Errorf("users: %q, %v", out, err)
	}
	// More than a page of the audit log.
	for range 250 {
		if _, err := run(t, data, "invite", ""); err != nil {
			t.Fatal(err)
		}
	}
	out, err = run(t, data, "audit", "", func(c *Config) { c.Action = "invitation.create" })
	seen := map[string]bool{}
	for line := range strings.Lines(out) {
		var a struct {
			ID     string
			Actor  string `json:"actor_name"`
			Action string
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil || a.Action != "invitation.create" || a.Actor != "hubbub admin ("+Console()+")" || seen[a.ID] {
			t.Fatalf("%v: %s", err, line)
		}
		seen[a.ID] = true
	}
	if err != nil || len(seen) != 251 {
		t.Errorf("%d acts, %v", len(seen), err)
	}
}

// TestNobodyThere says what to do where nothing answers.
func TestNobodyThere(t *testing.T) {
	data := t.TempDir()
	_, err := run(t, data, "users", "")
	if err == nil || !strings.Contains(err.Error(), "there is no "+filepath.Join(data, Socket)) {
		t.Errorf("no socket and no bus: %v", err)
	}
	_, err = run(t, data, "users", "", func(c *Config) { c.Bus.Bus = "embedded:" })
	if err == nil || !strings.HasSuffix(err.Error(), "start one, name its folder with --data, or the bus of a cluster with --bus") {
		t.Errorf("no socket, and the bus of a hubbub up: %v", err)
	}
	short, err := os.MkdirTemp("", "hub")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	l, err := net.Listen("unix", filepath.Join(short, Socket))
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = l.Close() // as of a process that was killed
	if _, err := run(t, short, "users", ""); err == nil || !strings.Contains(err.Error(), "is hubbub up running?") {
		t.Errorf("a socket that nobody listens on: %v", err)
	}
	again, err := Listen(short)
	if err != nil {
		t.Fatalf("the next start: %v", err)
	}
	_ = again.Close()
}

// TestWrongArguments holds that what is wrong is said with what it has to be.
func TestWrongArguments(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"users", ""},
		{"promote ann", ""},
		{"", `expected "<do>"`},
		{"nonsense", `<do> must be one of "users","create",`},
		{"promote", "promote needs the name or id of a user: hubbub admin promote WHO"},
		{"create", "create needs the name of the new user: hubbub admin create WHO"},
		{"revoke", "revoke needs the id of an invitation: hubbub admin revoke WHO"},
		{"invite --uses 0", "--uses is 0; it has to be 1 to 10000"},
		{"invite --for 5s", "--for is 5s; it has to be 0, or 1m0s to 8760h0m0s"},
		{"invite --url chat", `--url is "chat"; it has to be a URL that begins with http:// or https://`},
	} {
		parser, err := kong.New(&Config{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = parser.Parse(strings.Fields(tt.args))
		if got := fmt.Sprint(err); tt.want == "" && err != nil || !strings.Contains(got, tt.want) {
			t.Errorf("%q: %s, want %q", tt.args, got, tt.want)
		}
	}
}
