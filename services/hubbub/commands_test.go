package hubbub_test

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hubbub.internal/services/hubbub/rules/markdown"
)

// here runs a command in a copy of the tree in which nothing was ever built: see TestCommands. What
// it runs is the command as it is written, with flags that make it shorter, or lead it to servers
// of the test's own: $LISTEN and so on.
func here(run string) place { return place{run: run} }

// in says which file runs a command, and with which words, if not those of the command: they have
// to stand in one line of it, in that order. What stands between them are flags.
func in(file string, run ...string) place { return place{file, strings.Join(run, "")} }

type place struct{ file, run string }

const (
	workflow = ".github/workflows/ci.yml"
	makeTest = "infra/test/run.sh"
	makefile = "Makefile"

	// A crowd, and a cluster, that is as small as can be.
	small = "--sockets 6 --rooms 2 --rate 20"
	quick = "--duration 20ms --in-flight 10 --rate 100 --backlog 1000"
	load  = " --url $SERVER --edges $SERVER --sockets 12 --users 4 --rooms 2 --room-size 6 --rate 20 --ramp 100 --duration 1500ms"
)

// covered has what runs each command that is documented.
var covered = map[string]place{
	"make help":           here("make help"),
	"make build":          here("make build"),
	"make test":           in(".ci/run"),
	"make lint":           in(makeTest),
	"make check":          in(workflow),
	"go clean -testcache": in(workflow),
	"make tidy":           in(workflow),

	"make run": here("make run LISTEN=$LISTEN OPS_LISTEN=$OPS DATA=$DATA"),
	"make run LISTEN=:9180 OPS_LISTEN=127.0.0.1:9181 DATA=/srv/hubbub":          here("make run LISTEN=:9180 OPS_LISTEN=127.0.0.1:9181 DATA=/srv/hubbub LISTEN=$LISTEN OPS_LISTEN=$OPS DATA=$DATA"),
	"make run BUS=redis://127.0.0.1:6379":                                       here("make run BUS=$REDIS LISTEN=$LISTEN OPS_LISTEN=$OPS DATA=$DATA"),
	"make run BUS=nats://127.0.0.1:4222 STORE=mongodb://127.0.0.1:27017/hubbub": here("make run BUS=$NATS STORE=$MONGODB LISTEN=$LISTEN OPS_LISTEN=$OPS DATA=$DATA"),
	"make run BUS=redis://… STORE=mongodb://…":                                  here("make run BUS=$REDIS STORE=$MONGODB LISTEN=$LISTEN OPS_LISTEN=$OPS DATA=$DATA"),
	"bin/hubbub up":        here("bin/hubbub up --listen $LISTEN --ops-listen $OPS --data $DATA"),
	"bin/hubbub up --tls":  here("bin/hubbub up --tls --tls-cert $CERT --tls-key $KEY --tls-redirect none --listen $LISTEN --ops-listen $OPS --data $DATA"),
	"bin/hubbub up --help": here("bin/hubbub up --help"),
	"bin/hubbub admin":     here("bin/hubbub admin --help"),
	"bin/edge --help":      here("bin/edge --help"),

	"bin/hubbub load": here("bin/hubbub load" + load),
	"bin/hubbub load --url http://localhost:9080 --sockets 5000 --rooms 100 --room-size 50 --rate 200": here(
		"bin/hubbub load --url http://localhost:9080 --sockets 5000 --rooms 100 --room-size 50 --rate 200" + load),
	"bin/hubbub load --scenario infra/load/stadium.yaml":         here("bin/hubbub load --scenario infra/load/stadium.yaml" + load),
	"bin/hubbub load --scenario infra/load/stadium.yaml --netns": in(workflow),

	"make drill": here("make drill NODES=1 DRILL='--only reconnect " + small + "'"),
	`make drill NODES=1 DRILL="--seed 2 --outage 10s"`: in(workflow, `make drill NODES=1 DRILL="--seed 2 --outage 10s`),
	"bin/hubbub drill":               in(workflow),
	"bin/hubbub drill --bus-nodes 3": in(workflow, "bin/hubbub drill --bus-nodes"),
	"bin/hubbub drill --bus B --bus-nodes N --seed 1 … 10 --outage 8s": in(workflow, "bin/hubbub drill --bus --bus-nodes --seed"),
	"make soak": here("make soak SOAK='--duration 3s --every 500ms --reconnect 1s " + small + "'"),
	`make soak SOAK="--bus nats --duration 1h"`: in(workflow, `make soak SOAK="--bus`),

	"make bench-bus":                                 here("make bench-bus BENCH='" + quick + "'"),
	`make bench-bus BENCH="--backlog 50000"`:         in(workflow),
	"make bench-bus URL=redis://…":                   here("make bench-bus URL=$REDIS BENCH='" + quick + "'"),
	"make crash-bus":                                 here("make crash-bus CRASH='--count 2000 --kills 2'"),
	`make crash-bus CRASH="--count 100000 --seed 2"`: in(workflow),
	"bin/hubbub dead-letters --bus URL":              here("bin/hubbub dead-letters --bus $REDIS"),
	"bin/hubbub dead-letters --bus URL --replay":     here("bin/hubbub dead-letters --bus $REDIS --replay"),
	"bin/hubbub groups --bus URL":                    here("bin/hubbub groups --bus $REDIS"),

	"bin/hubbub doctor --ops 127.0.0.1:9081 --url http://localhost:9080":                                             in(workflow),
	"bin/hubbub backup backups --keep 7":                                                                             in(workflow),
	`docker compose -f docker-compose.yml run --rm -T --entrypoint "/hubbub-service restore" backup - < chat.hubbub`: in(workflow),
	"docker compose -f docker-compose.yml run --rm doctor":                                                           in(workflow),
	"bin/hubbub backup":                                                       here("bin/hubbub backup --help"),
	"bin/hubbub restore":                                                      here("bin/hubbub restore --help"),
	"bin/hubbub backup chat.hubbub":                                           in(workflow),
	`bin/hubbub admin hold Ada --note "case 4711"`:                            in(workflow),
	`bin/hubbub admin hold --room lobby --note "case 4711"`:                   in(workflow),
	"bin/hubbub admin holds":                                                  in(workflow),
	"bin/hubbub admin export --hold ID > held.jsonl":                          here("bin/hubbub admin --help"),
	"bin/hubbub admin lift ID":                                                here("bin/hubbub admin --help"),
	`bin/hubbub admin retention "2 years" --least "7 days"`:                   in(workflow),
	`bin/hubbub admin retention "30 days" --room lobby`:                       in(workflow),
	"bin/hubbub admin retention":                                              in(workflow),
	"bin/hubbub import slack export.zip --dry-run":                            here("bin/hubbub import --help"),
	"bin/hubbub import slack export.zip --links links.txt":                    here("bin/hubbub import --help"),
	"bin/hubbub import mattermost export.zip --map map.json":                  here("bin/hubbub import --help"),
	"bin/hubbub admin export --room lobby > room.jsonl":                       in(workflow),
	"bin/hubbub admin export Ada > ada.jsonl":                                 in(workflow),
	"bin/hubbub verify-export room.jsonl --html room.html":                    in(workflow),
	"bin/hubbub backup verify chat.hubbub":                                    in(workflow),
	"bin/hubbub restore chat.hubbub --data new-data":                          in(workflow),
	"docker compose -f docker-compose.yml run --rm -T backup - > chat.hubbub": in(workflow),

	"make drill-presence":                  in(workflow),
	"make million":                         in(workflow),
	"make million SOCKETS=100000 BUS=nats": in(workflow, "make million SOCKETS=2000 BUS=nats"),
	"make soak-edge":                       in(workflow, "make soak-edge SOCKETS="),
	"make soak-edge SOCKETS=n":             in(workflow, "make soak-edge SOCKETS="),
	"make bench-edge":                      in(workflow, `make bench-edge BENCH="--short"`),
	`make bench-edge BENCH="--short"`:      in(workflow),
	"make bench-edge BENCH=--short":        in(workflow, `make bench-edge BENCH="--short"`),
	"make bench-edge BENCH=--help":         in(workflow),
	"make bench-presence":                  in(workflow),
	"make screenshots":                     in(workflow),
	"make bench-page":                      in(workflow, "make bench-page MESSAGES=4000 ROOMS=50"),
	"make bench-page MESSAGES=4000 ROOMS=50 ONLY=type|scroll|start": in(workflow, "make bench-page MESSAGES=4000 ROOMS=50"),
	"make mutate":                         in(workflow),
	"make mutate PKG=./libs/auth COUNT=0": in(workflow),
	`make mutate PKG="./libs/auth" COUNT=100 SEED=1 MUTATE="-budget 10m"`:                                          in(workflow, "make mutate PKG=./libs/auth"),
	`make mutate PKG=./services/presence/roster COUNT=50 SEED=7 MUTATE="-tests hubbub.internal/services/presence"`: in(workflow),

	"npm ci":        in(makefile),
	"npm run build": in(makefile),
	"npm run dev":   in(workflow),
	"npm run check": in(makeTest),
	"npm test":      in(makeTest),
	"npm run e2e":   in(makeTest),

	"make docs":            in(workflow),
	"make secrets":         in(workflow),
	"make images":          in(workflow),
	"make test-containers": in(workflow),
	`make images IMAGES="edge nginx" TAG=1.2.3`: in(workflow),

	"cd infra/test/deploy && GOWORK=off go test ./...":                                   in(makeTest),
	"docker compose -f docker-compose.yml exec directory /hubbub-service loglevel debug": in(workflow),
	"docker compose ps --all": in(workflow),
	"docker compose -f docker-compose.yml --profile monitoring up --detach":                in(workflow),
	"docker compose --profile monitoring up":                                               in(workflow, "docker compose -f docker-compose.yml --profile monitoring up"),
	"docker compose up":                                                                    in(workflow),
	"docker compose ps":                                                                    in(workflow),
	"docker compose up --scale edge=3":                                                     in(workflow),
	"docker compose -f docker-compose.yml up":                                              in(workflow),
	"docker compose -f docker-compose.yml up --detach":                                     in(workflow),
	"docker compose -f docker-compose.yml up --scale edge=3":                               in(workflow),
	"docker compose -f docker-compose.yml -f docker-compose.nats.yml up":                   in(workflow),
	"bin/hubbub cert":                                                                      here("bin/hubbub cert --help"),
	"docker compose -f docker-compose.yml -f docker-compose.tls.yml up --detach":           in(workflow),
	"docker compose -f docker-compose.yml -f docker-compose.build.yml up --build":          in(workflow),
	"docker compose -f docker-compose.yml -f docker-compose.build.yml up --build --detach": in(workflow),
	"docker node update --label-add hubbub.bus=true NODE":                                  in(workflow, "docker node update --label-add hubbub.bus=true $NODE"),
	"docker node update --label-add hubbub.store=true NODE":                                in(workflow, "docker node update --label-add hubbub.store=true $NODE"),
	"docker service scale chat_edge=5":                                                     in(workflow),
	"infra/dev/watch.sh edge":                                                              in("docker-compose.override.yml", "[/src/infra/dev/watch.sh, edge]"),

	"cd libs && go test ./bus/natsbus ./bus/redisbus -run xxx -bench 'Append$' -benchtime 8x":   in(workflow),
	"cd services/edge && go test -run '^$' -bench . -benchtime 50ms ./internal/deflate":         in(workflow),
	"cd services/edge && go test -run '^$' -bench Idle -benchtime 1x .":                         in(workflow),
	"cd services/edge && go test -run '^$' -bench Keepalive -benchtime 5x ./internal/protocol":  in(workflow),
	"cd services/edge && go test -run '^$' -bench Million -benchtime 100x ./internal/wheel":     in(workflow),
	"cd services/edge && go test -run '^$' -bench Pings -benchtime 2x .":                        in(workflow),
	"cd services/history && go test -run '^$' -bench 'Page$' -benchtime 200x .":                 in(workflow),
	"cd services/history && go test -run '^$' -bench 'Ingest$' -benchtime 50x .":                in(workflow),
	"cd services/history && go test -run '^$' -bench Backlog -benchtime 500000x -timeout 60m .": in(workflow),
	"cd services/history && HUBBUB_INBOX_MESSAGES=10000 go test -run '^$' -bench Inbox -benchtime 50x -timeout 60m ./store/sqlite": in(workflow,
		"cd services/history && HUBBUB_INBOX_MESSAGES=300 go test -run '^$' -bench Inbox -benchtime 50x -timeout 60m ./store/sqlite"),
	"cd services/history && go test -run '^$' -bench Search -benchtime 200x -timeout 60m ./store/sqlite -args -messages 5000000": in(workflow,
		"cd services/history && go test -run '^$' -bench Search -benchtime 200x -timeout 60m ./store/sqlite -args -messages 100000"),
	"cd services/history && go test -run '^$' -bench Move -benchtime 100000x ./store/sqlite":         in(workflow),
	"docker compose -f docker-compose.yml up --detach --force-recreate bus":                          in(workflow),
	"cd services/history && go test -run '^$' -bench Pages -benchtime 200x .":                        in(workflow),
	"cd services/directory && go test -run '^$' -bench 'TwentyLogins|KnownDevice|ManyOfOne|Guest' .": in(workflow),
	"cd services/hubbub && go test -run '^$' -bench Neighbours -benchtime 1x ./e2e":                  in(workflow),
	"cd services/hubbub && go test ./rules":                                                          in(makeTest, "./services/hubbub/..."),
	"go test -run '^$' -bench . -benchtime 50ms ./internal/deflate":                                  in(workflow),
	"go test -run TestMemoryPerSocket -v ./rigs/load":                                                in(workflow),
	"go test ./bus/natsbus ./bus/redisbus -run Conformance":                                          in(workflow),
	"go test ./bus/redisbus -run 'Failover|Masters|Slots|Stale|Lo'":                                  in(workflow),
	"go test ./e2e -run Stale": in(workflow),
	"cd services/history/store/sqlite && HUBBUB_MAKE_FIXTURE=$PWD/testdata/schema-N.db go test -count=1 -run TestMakeUpgrade .":                   in(workflow),
	"cd services/history/store/sqlite && cd ../mongo && HUBBUB_MAKE_FIXTURE=$PWD/testdata/schema-N.jsonl go test -count=1 -run TestMakeUpgrade .": in(workflow),
}

// TestCommandsAreCovered holds that something runs every command that a person is told to type.
func TestCommandsAreCovered(t *testing.T) {
	t.Parallel()
	said := documented(t, root)
	for command, file := range said {
		// which TestCommands runs all of
		if _, ok := covered[command]; !ok && !strings.HasPrefix(command, "curl ") {
			t.Errorf("%s says to type\n\t%s\nand nothing runs that: have a test or the workflow do so, and name it in covered", file, command)
		}
	}
	for command, by := range covered {
		if _, ok := said[command]; !ok {
			t.Errorf("nobody is told to type\n\t%s\nany more: take it off covered", command)
		}
		words := strings.Fields(cmp.Or(by.run, command))
		if by.file != "" && !hasLine(t, by.file, words) {
			t.Errorf("%s does not run\n\t%s", by.file, strings.Join(words, " "))
		}
	}
}

// root is that of the checkout.
const root = "../.."

// hasLine reports whether a line of a file has words, in order.
func hasLine(t *testing.T, file string, words []string) bool {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		left := words
		for _, w := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\n()", r) }) {
			if len(left) > 0 && (w == left[0] || strings.HasSuffix(left[0], "=") && strings.HasPrefix(w, left[0])) {
				left = left[1:]
			}
		}
		if len(left) == 0 && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			return true
		}
	}
	return false
}

// documented returns the commands that a person is told to type, each with the first file that says
// so: in code blocks and in `code` of all Markdown, the targets of the Makefile with the variables
// that its help names, and what the compose files begin with.
func documented(t *testing.T, root string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	add := func(file, command string) {
		command = strings.Join(strings.Fields(comment.ReplaceAllString(command, "")), " ")
		if bare.MatchString(command) {
			command = "bin/" + command
		}
		if isCommand.MatchString(command) {
			if _, ok := all[command]; !ok {
				all[command] = file
			}
		}
	}
	files, err := markdown.Files(root, "*.md", "Makefile", "docker-compose*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		switch text := string(b); filepath.Base(file) {
		case "Makefile":
			for _, m := range target.FindAllStringSubmatch(text, -1) {
				add(file, "make "+m[1])
				for _, with := range variables.FindAllStringSubmatch(m[2], -1) {
					add(file, "make "+m[1]+" "+strings.TrimRight(with[1], " :,)"))
				}
			}
		default:
			for _, block := range markdown.Commands(text) {
				in := ""
				for line := range strings.Lines(block) {
					line = strings.TrimSpace(line)
					if strings.HasPrefix(line, "cd ") && !strings.Contains(line, "&&") {
						if strings.HasPrefix(line, "cd ..") {
							line = in + line
						}
						in = strings.TrimSuffix(line, " && ") + " && "
						continue
					}
					if isCommand.MatchString(line) {
						line = in + line
					}
					add(file, line)
				}
			}
			for _, m := range markdown.Inline.FindAllStringSubmatch(markdown.Prose(text), -1) {
				add(file, m[1])
			}
		}
	}
	return all
}

var (
	isCommand = regexp.MustCompile(`^(make|npm|npx|go|cd|git|docker|docker-compose|curl|hubbub|edge|history|presence|directory|bin/\S+|infra/\S+\.sh|\.ci/run|[A-Z_]+=\S+ (make|npm|go|bin/\S+)) [^ ]`)
	bare      = regexp.MustCompile(`^(hubbub|edge|history|presence|directory) `)
	comment   = regexp.MustCompile(`(^|\s)#\s.*`)
	target    = regexp.MustCompile(`(?m)^([a-z-]+):[^#\n]*## (.*)$`)
	variables = regexp.MustCompile(`[( ]((?:[A-Z]+=(?:"[^"]*"|[^\s:),]\S*) ?)+)`)
)
