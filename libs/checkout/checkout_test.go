package checkout_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hubbub.internal/libs/checkout"
	"hubbub.internal/libs/filelock"
)

var program = checkout.Program{Name: "checkout.test", In: "libs", Package: "./checkout", Test: true}

// TestBuild: of those who build at the same time one does, and nobody builds what is up to date.
// The folder is not there before.
func TestBuild(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := checkout.Build(t.Context(), dir, program); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	built, err := os.Stat(filepath.Join(dir, program.Name))
	if err != nil {
		t.Fatal(err)
	}
	if err := checkout.Build(t.Context(), dir, program); err != nil {
		t.Fatal(err)
	}
	if again, err := os.Stat(filepath.Join(dir, program.Name)); err != nil || !os.SameFile(built, again) {
		t.Errorf("it was built again: %v", err)
	}
}

// TestBuildNearby builds into a folder that is named from the working directory, in which go does
// not run.
func TestBuildNearby(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	nearby, err := filepath.Rel(here, dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkout.Build(t.Context(), nearby, program); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, program.Name)); err != nil {
		t.Error(err)
	}
}

func TestBuildFails(t *testing.T) {
	dir := t.TempDir()
	err := checkout.Build(t.Context(), dir, checkout.Program{Name: "none", In: "libs", Package: "./none"})
	if err == nil || !strings.Contains(err.Error(), "build none") {
		t.Errorf("%v", err)
	}
	lock, err := filelock.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := checkout.Build(ctx, dir, program); !errors.Is(err, filelock.ErrLocked) || !errors.Is(err, context.Canceled) {
		t.Errorf("in a folder that another process builds in: %v", err)
	}
}

func TestRoot(t *testing.T) {
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	bin, err := checkout.Bin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "libs", "checkout")); err != nil || !strings.HasPrefix(bin, root) {
		t.Errorf("%s, %s: %v", root, bin, err)
	}
	t.Chdir(t.TempDir())
	if _, err := checkout.Root(); err == nil {
		t.Error("a folder that is in no checkout is taken for one")
	}
}
