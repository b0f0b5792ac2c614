package imports

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
)

// TestBadExports holds that what is no whole export is told so in a sentence that helps, and that
// nothing is made of it.
func TestBadExports(t *testing.T) {
	t.Parallel()
	w := open(t, "")
	whole, err := os.ReadFile(packed(t, "testdata/slack"))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile("testdata/mattermost/import.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	file := func(b []byte) string {
		name := filepath.Join(t.TempDir(), "export")
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	slack := func(changes ...string) string { return packed(t, "testdata/slack", changes...) }
	wide := func(text string) (b []byte) {
		for _, u := range append([]uint16{0xfeff}, utf16.Encode([]rune(text))...) {
			b = append(b, byte(u), byte(u>>8))
		}
		return b
	}
	flipped := bytes.Clone(whole)
	// of the packed content of the first file
	flipped[bytes.Index(flipped, []byte("2017-07-14.json"))+20] ^= 0x40
	const day = "general/2017-07-14.json"
	circle := `[{"type":"message","user":"U1","text":"a","ts":"1500000001.000000","thread_ts":"1500000002.000000"},
		{"type":"message","user":"U1","text":"b","ts":"1500000002.000000","thread_ts":"1500000003.000000"},
		{"type":"message","user":"U1","text":"c","ts":"1500000003.000000","thread_ts":"1500000001.000000"}]`
	for _, tt := range []struct{ name, from, file, want string }{
		{"cut archive", "slack", file(whole[:len(whole)/2]), "is not a whole zip archive: it may have been cut off"},
		{"no file", "slack", filepath.Join(t.TempDir(), "none.zip"), "open the export"},
		{"text for an archive", "slack", file([]byte("hello")), "is not a whole zip archive"},
		{"damaged archive", "slack", file(flipped), "C-ERIN/2017-07-14.json: "},
		{"another archive", "slack", packed(t, "", "x.json", "[]"), "it has no users.json, so it is no export of Slack"},
		{"leads out", "slack", slack("../users.json", "[]"), "leads out of the archive"},
		{"users that are no list", "slack", slack("users.json", `{"id": "U1"}`), "users.json: this is not a list of entries"},
		{"cut list", "slack", slack(day, `[{"type":"message","user":"U1","text":"a","ts":"1.0"}, {"ty`), day + ": the file is damaged, or was cut off"},
		{"no JSON", "slack", slack(day, `[{"type":message}]`), day + ": this is not JSON, at byte 9"},
		{"UTF-16", "slack", slack(day, string(wide(`[]`))), day + ": this is UTF-16 or UTF-32: exports are UTF-8"},
		{"another type", "slack", slack(day, `[{"type":"message","text":7}]`), day + ": a message: json: cannot unmarshal number"},
		{"circle", "slack", slack(day, circle), "of room general is, through others, an answer to itself"},
		{"deep", "slack", slack(day, "["+strings.Repeat("[", 20_000)), day + ": this is not JSON"},
		{"bomb", "slack", slack("plans/2017-07-15.json", strings.Repeat("\x00", 8<<20)), "plans/2017-07-15.json unpacks to 8388608 bytes"},
		{"huge entry", "slack", slack(day, `[{"text":"`+noise(17<<20)+`"}]`), day + ": one entry has more than 16 MiB"},
		{"cut lines", "mattermost", file(lines[:len(lines)-20]), "this line is not complete JSON: the export is damaged, or was cut off"},
		{"huge line", "mattermost", file(append(bytes.Clone(lines), bytes.Repeat([]byte("x"), 17<<20)...)), "one entry has more than 16 MiB"},
		{"empty", "mattermost", file(nil), "it is empty"},
		{"no version", "mattermost", file([]byte(`{"type":"post"}` + "\n")), "in version 1: its first line must say so"},
		{"another text", "mattermost", file([]byte("hello\n")), "this is no export of Mattermost"},
		{"another version", "mattermost", file([]byte(`{"type":"version","version":2}` + "\n")), "in version 1"},
		{"UTF-16 lines", "mattermost", file(wide(string(lines))), "this is UTF-16 or UTF-32"},
		{"archive without lines", "mattermost", packed(t, "", "x.json", "[]"), "it has no file that ends in .jsonl"},
	} {
		_, err := w.run(tt.from, tt.file)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasSuffix(err.Error(), "\nNothing was imported") {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	w.empty()
}

// noise returns a text that cannot be packed to much less.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = 'a' + byte(x>>24)%16
	}
	return string(b)
}
