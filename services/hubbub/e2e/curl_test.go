package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"hubbub.internal/libs/checkout"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// TestCurl runs the HTTP commands of PROTOCOL.md as they stand there: each is answered in the form
// of its example.
func TestCurl(t *testing.T) {
	t.Parallel()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "libs", "wire", "PROTOCOL.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string) []string {
		found := regexp.MustCompile("(?s)```"+kind+"\n(.*?)\n```").FindAllSubmatch(page, -1)
		if len(found) != 1 {
			t.Fatalf("PROTOCOL.md has %d blocks of %s", len(found), kind)
		}
		return strings.Split(string(found[0][1]), "\n")
	}
	commands, answers := block("sh"), block("json http")
	if len(commands) != len(answers) {
		t.Fatalf("%d commands and %d answers", len(commands), len(answers))
	}

	up := cluster.Up(bin, t.TempDir())
	if err := up.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer up.Kill()
	url := "http://" + up.Addr
	owner := newAccount(t, url, "owner")
	room, err := owner.session.CreateRoom(t.Context(), "Books", "", false)
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "HUBBUB="+url, "ROOM="+room.ID)
	for i, command := range commands {
		run := exec.CommandContext(t.Context(), "sh", "-c", command)
		run.Env = env
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%s\n%v: %s", command, err, out)
		}
		var want, got map[string]any
		if err := json.Unmarshal([]byte(answers[i]), &want); err != nil {
			t.Fatalf("%s: %v", answers[i], err)
		}
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%s\nanswers %s: %v", command, out, err)
		}
		alike(t, command, want, got)
		if token, ok := got["token"].(string); ok {
			env = append(env, "TOKEN="+token, "REFRESH="+got["refresh_token"].(string))
		}
	}
}

// alike fails the test unless got has the fields of want, with values of the same types.
func alike(t *testing.T, at string, want, got any) {
	t.Helper()
	if reflect.TypeOf(want) != reflect.TypeOf(got) {
		t.Errorf("%s is %v, want the form of %v", at, got, want)
		return
	}
	switch want := want.(type) {
	case map[string]any:
		for name, v := range want {
			alike(t, at+" ."+name, v, got.(map[string]any)[name])
		}
	case []any:
		if len(want) > 0 && len(got.([]any)) > 0 {
			alike(t, at+"[0]", want[0], got.([]any)[0])
		}
	}
}
