package rules_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// rules say what a package may not import. Test files are free: they may start any server.
var rules = []struct {
	in     string // the packages that the rule holds for
	except string // and those of them that it does not
	ban    string
	why    string
}{
	{
		in: `^hubbub\.internal/libs/`, ban: `^hubbub\.internal/services/`,
		why: "libs serve every service and know none",
	},
	{
		in: `^hubbub\.internal/libs/chat$`, ban: `^[^/]*\.`,
		why: "every package may import chat, so it imports the standard library only",
	},
	{
		in: `^hubbub\.internal/services/edge`, ban: `^hubbub\.internal/services/(history|presence|notify|directory|hubbub)|mongo-driver|modernc\.org/sqlite|database/sql|libs/(mongodb|sqlitedb|storeurl)`,
		why: "services meet over the bus only, and the edge touches no database",
	},
	{
		in: `^hubbub\.internal/services/history`, ban: `^hubbub\.internal/services/(edge|presence|notify|directory|hubbub)`,
		why: "services meet over the bus only",
	},
	{
		in: `^hubbub\.internal/services/presence`, ban: `^hubbub\.internal/services/(edge|history|notify|directory|hubbub)|mongo-driver|modernc\.org/sqlite|database/sql|libs/(mongodb|sqlitedb|storeurl)`,
		why: "services meet over the bus only, and presence has no database",
	},
	{
		in: `^hubbub\.internal/services/notify`, ban: `^hubbub\.internal/services/(edge|history|presence|directory|hubbub)|mongo-driver|modernc\.org/sqlite|database/sql|libs/(mongodb|sqlitedb|storeurl)`,
		why: "services meet over the bus only, and notify has no database",
	},
	{
		in: `^hubbub\.internal/services/directory`, ban: `^hubbub\.internal/services/(edge|history|presence|notify|hubbub)`,
		why: "services meet over the bus only",
	},
	{
		in: `^hubbub\.internal/`, except: `^hubbub\.internal/libs/bus/(busurl|natsembed|natsbus|redisbus|bustest)`,
		ban: `^hubbub\.internal/libs/bus/(natsbus|redisbus)`,
		why: "the bus is swapped by configuration: busurl is the one place that knows the drivers",
	},
	{
		in: `^hubbub\.internal/`, except: `^hubbub\.internal/(services/hubbub|libs/bus/natsembed)`, ban: `^hubbub\.internal/libs/bus/natsembed`,
		why: "an edge process must stay small: only `hubbub up` carries a nats-server",
	},
	{
		in: `^hubbub\.internal/`, except: `^hubbub\.internal/libs/bus/membus`, ban: `^hubbub\.internal/libs/bus/membus`,
		why: "a bus in memory keeps nothing: it is for tests",
	},
	{
		in: `^hubbub\.internal/libs/bus`, except: `^hubbub\.internal/libs/bus/bustest`, ban: `^hubbub\.internal/libs/(wire|api|auth|client|daemon)`,
		why: "the bus carries bytes and knows no message",
	},
	{
		in: `^hubbub\.internal/`, except: `^hubbub\.internal/services/hubbub/(cmd/hubbub$|rigs/)`, ban: `^hubbub\.internal/services/hubbub/rigs/`,
		why: "what measures and breaks the product is no part of it: only the commands that run it know it",
	},
	{
		in: `^hubbub\.internal/`, except: `^hubbub\.internal/(libs/mongo(db|test)|services/(history|directory)/)`, ban: `go\.mongodb\.org/mongo-driver/`,
		why: "only the stores know the database",
	},
}

func TestImports(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "work")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); ; seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, r := range rules {
			if !regexp.MustCompile(r.in).MatchString(p.ImportPath) || r.except != "" && regexp.MustCompile(r.except).MatchString(p.ImportPath) {
				continue
			}
			ban := regexp.MustCompile(r.ban)
			for _, imp := range p.Imports {
				if ban.MatchString(imp) && !strings.HasPrefix(imp, p.ImportPath) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imp, r.why)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("go list named %d packages; the rules were hardly tried", seen)
	}
}

// TestPackageDocs holds that every package says what it owns, once.
func TestPackageDocs(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", "{{.ImportPath}}\t{{.Doc}}\t{{len .GoFiles}}", "work")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) == 3 && f[1] == "" && f[2] != "0" {
			t.Errorf("%s has no package comment", f[0])
		}
	}
}
