package load

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"hubbub.internal/libs/checkout"
)

// TestSeededFaults: when the load's clients drop or double one message, the verdict and the exit
// code say so.
func TestSeededFaults(t *testing.T) {
	t.Parallel()
	up := server(t)
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		tags string
		want Verdict
	}{
		{"", Verdict{}}, {"loadfault_drop", Verdict{Lost: 1}}, {"loadfault_double", Verdict{Doubled: 1}},
	} {
		t.Run(cmp.Or(tt.tags, "none"), func(t *testing.T) {
			t.Parallel()
			program := program(t)
			if tt.tags != "" {
				program = filepath.Join(t.TempDir(), "hubbub")
				build := exec.CommandContext(t.Context(), "go", "build", "-tags", tt.tags, "-o", program, "./cmd/hubbub")
				build.Dir = filepath.Join(root, "services/hubbub")
				if out, err := build.CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
			var out, stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), program, "load", "--url", up, "--sockets", "6", "--users", "3", "--rooms", "1", "--room-size", "6",
				"--rate", "20", "--duration", (2 * time.Second).String(), "--json")
			cmd.Stdout, cmd.Stderr = &out, &stderr
			err := cmd.Run()
			var report struct{ Verdict Verdict }
			if err := json.Unmarshal(out.Bytes(), &report); err != nil {
				t.Fatalf("%v: %s%s", err, out.String(), stderr.String())
			}
			got := report.Verdict
			if got.Lost != tt.want.Lost || got.Doubled != tt.want.Doubled || got.Misordered != 0 || got.Acknowledged < 20 {
				t.Errorf("the verdict is %s", got)
			}
			if len(got.First.Lost) != got.Lost || len(got.First.Doubled) != got.Doubled {
				t.Errorf("%d lost and %d doubled messages are described as %v", got.Lost, got.Doubled, got.First)
			}
			var exit *exec.ExitError
			if found := tt.want.Lost+tt.want.Doubled > 0; errors.As(err, &exit) != found || found && !bytes.Contains(stderr.Bytes(), []byte(ErrVerdict.Error())) {
				t.Errorf("the program ends with %v: %s", err, stderr.String())
			}
		})
	}
}
