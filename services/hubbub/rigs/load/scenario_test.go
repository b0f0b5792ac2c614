package load

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// parsed returns the configuration of a command line.
func parsed(args ...string) (Config, error) {
	var cli struct {
		Load Config `cmd:""`
	}
	p, err := kong.New(&cli)
	if err != nil {
		return cli.Load, err
	}
	_, err = p.Parse(append([]string{"load"}, args...))
	return cli.Load, err
}

const scenarios = "../../../../infra/load/"

// TestScenarios: the scenarios that we ship are valid, and are what their names say.
func TestScenarios(t *testing.T) {
	is := map[string]func(c Config) bool{
		"town-square": func(c Config) bool { return c.Rooms == 1 && c.RoomSize.Most == c.Sockets && c.Speakers > 100 },
		"office":      func(c Config) bool { return c.Rooms >= 200 && c.RoomSize.Most <= 20 && c.Think > 0 && c.Churn > 0 },
		"celebrity":   func(c Config) bool { return c.Rooms == 1 && c.RoomSize.Most == 100_000 && c.Speakers == 1 },
		"stadium":     func(c Config) bool { return c.Storm && c.RoomSize.Zipf },
		"night":       func(c Config) bool { return c.Sockets == 1_000_000 && c.RoomSize.Most == 10_000 && c.Rate == 1 },
	}
	files, err := filepath.Glob(scenarios + "*.yaml")
	if err != nil || len(files) != len(is) {
		t.Errorf("there are %v, %v", files, err)
	}
	for name, right := range is {
		c, err := parsed("--scenario", scenarios+name+".yaml")
		if err != nil || !right(c) {
			t.Errorf("%s: %v, %+v", name, err, c)
		}
		if !c.Verify || c.URL != "http://localhost:9080" || c.Seed != 1 {
			t.Errorf("%s: a setting that it omits is not the default: %+v", name, c)
		}
	}
}

// TestScenario: the command line overrides the file, and the file the defaults; errors say what is
// wrong with a file.
func TestScenario(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("sockets: 70\nrooms: 3\nroom-size: zipf:40\nthink: 1m30s\nrate: 0.25\nverify: false\nreconnect-storm: true\nedges: [\"http://a:1\", \"http://b:2\"]\n")
	for _, args := range [][]string{{"--rooms", "5", "--scenario", file}, {"--scenario", file, "--rooms", "5"}} {
		c, err := parsed(args...)
		if err != nil || c.Sockets != 70 || c.Rooms != 5 || c.RoomSize != (Size{40, true}) || c.Think != 90*time.Second || c.Rate != 0.25 || c.Verify || !c.Storm {
			t.Errorf("%v: %v: %+v", args, err, c)
		}
		if len(c.Edges) != 2 || c.Edges[1] != "http://b:2" {
			t.Errorf("the edges are %v", c.Edges)
		}
	}
	for text, says := range map[string]string{
		"socks: 5": "there is no setting socks", "sockets: many": "sockets", "- 5": "s.yaml", "room-size: 0": "room-size", "sockets: 0": "--sockets is 0; it has to be",
		"scenario: other.yaml": "there is no setting scenario",
	} {
		write(text)
		if _, err := parsed("--scenario", file); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
	if _, err := parsed("--scenario", file+"x"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("%v", err)
	}
}

// TestSize parses, formats and computes the sizes of rooms.
func TestSize(t *testing.T) {
	for text, want := range map[string][]int{"5": {5, 5, 5, 5}, "zipf:10": {8, 5, 3, 2}} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil {
			t.Error(err)
		}
		if b, err := s.MarshalText(); err != nil || string(b) != text {
			t.Errorf("%s is written %s, %v", text, b, err)
		}
		for i, n := range want {
			if got := s.of(i, 8); got != n {
				t.Errorf("room %d of %s has %d, want %d", i, text, got, n)
			}
		}
	}
	for _, text := range []string{"", "0", "-1", "zipf:", "zipf:x", "5:zipf"} {
		if new(Size).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q is a size", text)
		}
	}
}
