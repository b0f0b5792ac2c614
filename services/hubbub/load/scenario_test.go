package load

import (
	"testing"

	"github.com/alecthomas/kong"
)

// parse returns the configuration that a command line has.
func parse(t *testing.T, args ...string) Config {
	t.Helper()
	var cli struct {
		Load Config `cmd:""`
	}
	p, err := kong.New(&cli)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse(append([]string{"load"}, args...)); err != nil {
		t.Fatal(err)
	}
	return cli.Load
}
