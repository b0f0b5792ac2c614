package cluster

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "deep"), 0o755))
	file := filepath.Join(dir, "deep", "file")
	must(os.WriteFile(file, []byte("before"), 0o644))
	has := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	d, err := NewDisk(dir)
	if errors.Is(err, ErrNoMount) {
		has("before") // the folder is unchanged
		t.Log(err)
		return
	}
	must(err)
	t.Cleanup(func() { _ = unmount(dir) })
	has("before")
	must(d.Fill())
	if err := os.WriteFile(filepath.Join(dir, "more"), bytes.Repeat([]byte("x"), 1<<20), 0o644); err == nil {
		t.Error("a file was written to a full disk")
	}
	has("before")
	must(d.Free())
	must(os.WriteFile(file, []byte("after"), 0o644))
	must(d.Remove())
	has("after")
	if err := unmount(dir); err == nil {
		t.Error("the disk is still mounted")
	}
}
