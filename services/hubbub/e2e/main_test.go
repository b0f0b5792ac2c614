// Package e2e has people chat through real processes.
package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"hubbub.internal/libs/checkout"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// bin is the folder of the binaries under test.
var bin string

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // clusters that mostly wait; it is a flag that exists
	var err error
	if bin, err = checkout.Bin(); err == nil {
		err = cluster.Build(context.Background(), bin)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
