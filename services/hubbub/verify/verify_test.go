package verify

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/export"
)

// made returns a copy of a room in a file, and the hash of its last line.
func made(t *testing.T, head export.Head) (file, hash string) {
	t.Helper()
	var s export.State
	var all []byte
	add := func(line []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, line...), '\n')
	}
	add(s.Add(export.KindHead, head))
	add(s.Add(export.KindMessage, chat.Message{Event: chat.Event{Type: chat.TypeMsg, User: "u1", Name: "Ann", ID: "m1", Text: "hello"}}))
	add(s.End())
	file = filepath.Join(t.TempDir(), "room.jsonl")
	if err := os.WriteFile(file, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, s.Hash.String()
}

func TestExecute(t *testing.T) {
	file, hash := made(t, export.Head{Version: 1, At: 1_700_000_000_000, By: "Ann", Room: &export.Room{ID: "r1", Name: "Plans"}})
	page := filepath.Join(t.TempDir(), "room.html")
	var out strings.Builder
	c := Config{File: file, HTML: page, Hash: hash}
	if err := errors.Join(c.Validate(), c.Execute(t.Context(), &out)); err != nil {
		t.Fatal(err)
	}
	want := "It is as it was made: room Plans (r1), copied by Ann at 2023-11-14T22:13:20Z.\n       1 message\nHash: " + hash + "\n"
	if out.String() != want {
		t.Errorf("printed\n%s; want\n%s", out.String(), want)
	}
	if html, err := os.ReadFile(page); err != nil || !strings.Contains(string(html), "hello") || !strings.HasSuffix(string(html), "</html>\n") {
		t.Errorf("%v: %s", err, html)
	}
	file, _ = made(t, export.Head{Version: 1, By: "root", Person: &export.Person{ID: "u1", Name: "Ann"}})
	out.Reset()
	if err := (&Config{File: file}).Execute(t.Context(), &out); err != nil || !strings.HasPrefix(out.String(), "It is as it was made: all messages of Ann (u1), copied by root") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestAltered: of a copy that is not as it was made no page is left, and what was there stays.
func TestAltered(t *testing.T) {
	file, _ := made(t, export.Head{Version: 1, By: "Ann", Room: &export.Room{ID: "r1"}})
	page := filepath.Join(t.TempDir(), "room.html")
	if err := os.WriteFile(page, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := Config{File: file, HTML: page, Hash: strings.Repeat("a", 64)}
	if err := errors.Join(other.Validate(), other.Execute(t.Context(), io.Discard)); !errors.Is(err, export.ErrAltered) || !strings.Contains(err.Error(), "made anew") {
		t.Errorf("another hash: %v", err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "hello", "HELLO", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Config{File: file, HTML: page}
	if err := c.Execute(t.Context(), io.Discard); !errors.Is(err, export.ErrAltered) || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(page)); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
	if html, err := os.ReadFile(page); err != nil || string(html) != "before" {
		t.Errorf("%s, %v", html, err)
	}
	if err := (&Config{File: "no-such"}).Execute(t.Context(), io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if (&Config{Hash: "abc"}).Validate() == nil {
		t.Error("half a hash is taken")
	}
}
