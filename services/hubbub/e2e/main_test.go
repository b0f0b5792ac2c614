// Package e2e has people chat through real processes.
package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"

	"hubbub.internal/services/hubbub/cluster"
)

// bin is the folder of the binaries under test.
var bin string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if bin, err = os.MkdirTemp("", "hubbub-bin-"); err == nil {
			defer os.RemoveAll(bin)
			err = cluster.Build(context.Background(), bin)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}
