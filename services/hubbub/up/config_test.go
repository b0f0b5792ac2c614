package up

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub.internal/libs/daemon"
	"hubbub.internal/libs/filelock"
)

// TestConfig holds that what is wrong is said once, by the name that the flag has here.
func TestConfig(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	for _, tt := range []struct {
		args []string
		fail string // all of what is said; empty: nothing is wrong
	}{
		{nil, ""},
		{[]string{"--store", "mongodb://127.0.0.1/x", "--bus", "redis://127.0.0.1"}, ""},
		{[]string{"--store", "foo://x"}, `--store has the unknown scheme "foo"; it has to be one of mongodb mongodb+srv sqlite`},
		{[]string{"--store", "sqlite:here.db"}, "--store is sqlite:here.db; it has to be sqlite: without a name"},
		{[]string{"--bus", "foo://x"}, "--bus has the unknown scheme"},
		{[]string{"--history-max-tail", "5"}, "--history-max-tail is 5; it has to be 1000 to 1000000"},
		{
			[]string{"--directory-hash-time", "0", "--directory-hash-parallel", "0"},
			"--directory-hash-time is 0; it has to be 1 to 100\n--directory-hash-parallel is 0; it has to be 1 to 64",
		},
		{[]string{"--presence-big-room", "0"}, "--presence-big-room is 0; it has to be 1 to 100000"},
		{[]string{"--max-sockets", "0"}, "--max-sockets is 0"},
		{[]string{"--notify-per-hour", "5"}, "--notify-per-hour is 5; it has to be 6 to 10000"},
		{[]string{"--tls"}, "--tls needs a certificate"},
		{[]string{"--web", ""}, ""},
		{[]string{"--web", data}, "--web is " + data + ", where there is no page"},
	} {
		_, err := parsed(t, append([]string{"--data", data, "--web", "none"}, tt.args...)...)
		switch {
		case err == nil && tt.fail == "":
		case err == nil || tt.fail == "" || !strings.HasPrefix(err.Error(), tt.fail) || strings.Count(err.Error(), "\n") != strings.Count(tt.fail, "\n"):
			t.Errorf("%v: error is %v, want %q", tt.args, err, tt.fail)
		}
	}
}

// TestTrustedProxies holds that one setting is enough for a process that has one listener.
func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want string // of the directory
	}{
		{nil, ""},
		{[]string{"--trusted-proxies", "10.0.0.0/8"}, "10.0.0.0/8"},
		{[]string{"--trusted-proxies", "10.0.0.0/8", "--directory-trusted-proxies", "192.0.2.1"}, "192.0.2.1"},
	} {
		cfg, err := parsed(t, append([]string{"--data", t.TempDir(), "--web", "none"}, tt.args...)...)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(cfg.Directory.TrustedProxies, ","); got != tt.want {
			t.Errorf("%v: %q", tt.args, got)
		}
	}
}

// TestDataFolder holds that the parts that are not swapped have their files in the data folder.
func TestDataFolder(t *testing.T) {
	t.Parallel()
	cfg := Config{Data: "d", Store: sqlite, Web: noPage}
	cfg.Bus.Bus = embedded
	_ = cfg.Validate() // the rest has no defaults here
	history, directory := cfg.storeURLs()
	if cfg.Bus.Bus != embedded+filepath.Join("d", "bus") || history != sqlite+filepath.Join("d", "history.db") || directory != sqlite+filepath.Join("d", "directory.db") {
		t.Errorf("bus %s, history %s, directory %s", cfg.Bus.Bus, history, directory)
	}
}

// TestDataFolderInUse starts a second one on a data folder.
func TestDataFolderInUse(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	cfg, err := parsed(t, "--data", data, "--web", "none", "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(data, "bus"), 0o700); err != nil {
		t.Fatal(err)
	}
	first, err := filelock.Lock(filepath.Join(data, "bus", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	err = daemon.Run(t.Context(), "hubbub", daemon.Config{LogLevel: "error"}, func(ctx context.Context, p *daemon.Process) error {
		return Start(ctx, p, cfg, io.Discard)
	})
	if err == nil || !strings.Contains(err.Error(), "choose another folder with --data") {
		t.Errorf("the error is %v", err)
	}
}
