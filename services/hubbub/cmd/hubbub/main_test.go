package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"hubbub.internal/libs/daemon"
)

// parser returns what the program says to a command line: nil, if it would run.
func parser(t *testing.T) (*kong.Kong, func(args ...string) error) {
	t.Helper()
	var cfg config
	k, err := kong.New(&cfg, cfg.Vars())
	if err != nil {
		t.Fatal(err)
	}
	return k, func(args ...string) error {
		parsed, err := k.Parse(args) // which begins with the defaults
		if err != nil {
			return err
		}
		return daemon.Validate(parsed.Selected().Target.Addr().Interface())
	}
}

// needed are the arguments without which a command refuses to run here.
var needed = map[string][]string{"up": {"--web", "none"}, "admin": {"users"}, "import": {"slack", "x"}, "backup": {"x"}, "restore": {"x"}, "verify-export": {"x"}, "cert": {"--tls-cert", "x", "--tls-key", "x"}}

// TestFlagsAreChecked gives each number and each time of every command values that cannot be meant,
// and is told which flag that is, its value, and what it has to be.
func TestFlagsAreChecked(t *testing.T) {
	k, parse := parser(t)
	tried := 0
	for _, command := range k.Model.Children {
		base := append([]string{command.Name}, needed[command.Name]...)
		if err := parse(base...); err != nil {
			t.Errorf("%s does not run: %v", command.Name, err)
		}
		for _, flag := range command.Flags {
			var values []string
			switch v := flag.Target.Interface().(type) {
			case time.Duration:
				values = []string{"-1s", "1000000h0m0s"}
			case float64:
				values = []string{"-1", "NaN", "+Inf"}
			default:
				if k := reflect.TypeOf(v).Kind(); k != reflect.Int && k != reflect.Int64 {
					continue
				}
				values = []string{"-1"}
			}
			for _, value := range values {
				if flag.Name == "bus-max-age" && value == values[1] {
					continue // a century, for whoever wants to keep everything
				}
				tried++
				err := parse(append(base, "--"+flag.Name+"="+value)...)
				if err == nil {
					t.Errorf("%s takes --%s=%s", command.Name, flag.Name, value)
				} else if s := err.Error(); !strings.Contains(s, "--"+flag.Name) || !strings.Contains(s, value) || !strings.Contains(s, "has to be") {
					t.Errorf("%s --%s=%s is told %q", command.Name, flag.Name, value, s)
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("%d flags were tried", tried)
	}
}

// TestWhatIsWrong goes through what depends on another flag, or is no number.
func TestWhatIsWrong(t *testing.T) {
	_, parse := parser(t)
	empty := t.TempDir()
	for line, want := range map[string]string{
		"soak --duration 30s":                       "--duration is 30s; it has to be at least 1m0s, which is 6 times --every; or give --every 5s",
		"soak --duration 100ms":                     "--duration is 100ms; it has to be at least 1m0s, which is 6 times --every",
		"soak --every 0s":                           "--every is 0s; it has to be 100ms to 1h0m0s",
		"soak --reconnect 0s":                       "--reconnect is 0s; it has to be 100ms to 1000h0m0s",
		"soak --duration 30s --every 5s":            "",
		"soak --bus-nodes 2":                        "--bus-nodes is 2; it has to be 1 or 3",
		"soak --bin " + empty:                       "--bin is " + empty + "; it has to be a folder that contains directory; without --bin the programs are built",
		"drill --only meteor":                       `--only is "meteor"; it has to be a fault that --list lists`,
		"drill --only kill-leader":                  `--only is "kill-leader"; it has to be another fault, or --bus-nodes=3 as well, which it needs`,
		"drill --only kill-leader --bus-nodes 3":    "",
		"drill --edges 1":                           "--edges is 1; it has to be 2 to 100",
		"drill --bin " + empty:                      "--bin is " + empty + "; it has to be a folder that contains directory; without --bin the programs are built",
		"load --url localhost:9080":                 `--url is "localhost:9080"; it has to be a URL that begins with http:// or https://`,
		"load --edges a:1,http://b:2":               `--edges is "a:1"; it has to be a URL that begins with http:// or https://`,
		"load --processes 200":                      "--processes is 200; it has to be 1 to 100",
		"load --client library --processes 2":       "--processes is 2; it has to be 1 with --client library; --client swarm can have more",
		"load --url https://a --client swarm":       `--client is "swarm"; it has to be auto or library: a swarm needs Linux, and http:// rather than https://`,
		"load --room-size zipf:x":                   `--room-size: it is "zipf:x"; it has to be a number of sockets above 0, or zipf: and that of the largest room`,
		"load --sockets 5 --users 9 --room-size 20": "", // no more than there are sockets
		"load --sockets 0":                          "--sockets is 0; it has to be 1 to 100000000",
		"load --ramp 0":                             "--ramp is 0; it has to be above 0, and at most 100000000",
		"bench-bus --url localhost":                 `--url is "localhost", without a scheme; it has to be like redis://127.0.0.1:6379 or nats://127.0.0.1:4222`,
		"bench-bus --bin " + empty:                  "--bin is " + empty + "; it has to be a folder that contains nats-server; without --bin the programs are built",
		"crash-bus --count 5 --kills 6":             "--kills is 6; it has to be 0 to 5",
		"dead-letters --limit 0":                    "--limit is 0; it has to be at least 1",
		"admin promote":                             "promote needs the name or id of a user: hubbub admin promote WHO",
		"admin invite --uses 0":                     "--uses is 0; it has to be 1 to 10000",
		"admin invite --for 1s":                     "--for is 1s; it has to be 0, or 1m0s to 8760h0m0s",
		"admin reset Ann --url x":                   `--url is "x"; it has to be a URL that begins with http:// or https://`,
		"admin users":                               "",
		"import slack x --source a/b":               `--source is "a/b"; it has to be 1 to 64 letters, digits, dots, dashes and underscores`,
		"import mattermost x --max-size 0":          "--max-size is 0; it has to be 1 to 10000",
		"import slack x --url y":                    `--url is "y"; it has to be a URL that begins with http:// or https://`,
		"import slack x --dry-run":                  "",
		"groups --retire history":                   "--retire is history; it has to be another group: this release of Hubbub needs that one, and what it has not stored would be dropped",
		"up --web " + empty:                         "--web is " + empty + ", where there is no page; it has to be a folder in which one is built (`make build`), or none",
		"up --web none --bus foo":                   `--bus is "foo", without a scheme; it has to be like redis://127.0.0.1:6379 or nats://127.0.0.1:4222`,
		"up --web none --bus-cert /c":               `--bus-cert is "/c" and --bus-key is ""; both have to be given, or none`,
		"up --web none --store sqlite:x.db":         "--store is sqlite:x.db; it has to be sqlite: without a name, since the files are in the data folder: name another with --data",
		"up --web none --listen 9080":               `--listen is "9080"; it has to be host:port or :port: address 9080: missing port in address`,
		"up --web none --idle-timeout 1s":           "--idle-timeout is 1s; it has to be 25.1s to 1m40s",
	} {
		err := parse(strings.Fields(line)...)
		if err != nil { // the program says after its own name which command it was
			err = errors.New(strings.TrimPrefix(err.Error(), strings.Fields(line)[0]+": "))
		}
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s is told\n%v\nwant\n%s", line, err, want)
		}
	}
}
