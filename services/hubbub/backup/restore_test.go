package backup_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/libs/sqlitedb/sqlitedbtest"
	directorymongo "hubbub.internal/services/directory/store/mongo"
	directorysqlite "hubbub.internal/services/directory/store/sqlite"
	"hubbub.internal/services/history/store/mongo"
	"hubbub.internal/services/history/store/sqlite"
	"hubbub.internal/services/history/store/storeurl"
	"hubbub.internal/services/hubbub/backup"
	"hubbub.internal/services/hubbub/backup/archive"
)

// source is a small Hubbub that does not run: its stores are new files of SQLite.
func source(t *testing.T) backup.Source {
	t.Helper()
	dir := t.TempDir()
	h, err := sqlite.Open(t.Context(), filepath.Join(dir, "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := directorysqlite.Open(t.Context(), filepath.Join(dir, "directory.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(h.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	b := membus.NewServer(membus.Options{}).Open("history")
	t.Cleanup(func() { _ = b.Close() })
	return backup.Source{Bus: b, History: "sqlite:" + filepath.Join(dir, "history.db"), Directory: "sqlite:" + filepath.Join(dir, "directory.db")}
}

// write makes a file of a backup.
func write(t *testing.T, s backup.Source) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backup")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Write(within(t), f, patience), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOlder restores what earlier releases have written, in both kinds of stores: it is moved
// forward.
func TestOlder(t *testing.T) {
	t.Parallel()
	dumped := func(history, directory int) (url string) {
		url = mongotest.URL(t)
		mongotest.Load(t, url, fmt.Sprintf("../../history/store/mongo/testdata/schema-%d.jsonl", history))
		mongotest.Load(t, url, fmt.Sprintf("../../directory/store/mongo/testdata/schema-%d.jsonl", directory))
		return url
	}
	filed := func(service string, version int) string {
		return "sqlite:" + sqlitedbtest.Copy(t, fmt.Sprintf("../../%s/store/sqlite/testdata/schema-%d.db", service, version))
	}
	first, last := dumped(0, 0), dumped(5, 14)
	mongos := [2]int64{mongo.Version(), directorymongo.Version()}
	sqlites := [2]int64{sqlite.Version(), directorysqlite.Version()}
	for kind, s := range map[string]struct {
		history, directory, to string
		versions, newest       [2]int64 // of history and directory
	}{
		"mongodb of the first release": {first, first, mongotest.URL(t), [2]int64{}, mongos},
		"mongodb of the last release":  {last, last, mongotest.URL(t), [2]int64{5, 14}, mongos},
		"sqlite of the first release":  {filed("history", 0), filed("directory", 0), "sqlite:", [2]int64{}, sqlites},
		"sqlite of the last release":   {filed("history", 6), filed("directory", 17), "sqlite:", [2]int64{6, 17}, sqlites},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			from := source(t)
			from.History, from.Directory = s.history, s.directory
			data := t.TempDir()
			file := write(t, from)
			out := execute(t, &backup.Restore{}, file, "--data", data, "--store", s.to)
			for i, service := range []string{"history", "directory"} {
				says := strings.Contains(out, fmt.Sprintf("the schema of %s was moved forward from version %d", service, s.versions[i]))
				if says != (s.versions[i] < s.newest[i]) {
					t.Errorf("restore says %q", out)
				}
			}
			at := s.to
			if at == "sqlite:" {
				at += filepath.Join(data, "history.db")
			}
			h, err := storeurl.Open(t.Context(), storeurl.Config{Store: at}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := h.Highest(t.Context()); err != nil || n == 0 {
				t.Errorf("the highest seq is %d, %v", n, err)
			}
			if err := h.Close(); err != nil {
				t.Error(err)
			}
			if _, err := try(t, &backup.Restore{}, file, "--data", data, "--store", s.to); err == nil || !strings.Contains(err.Error(), "--replace") {
				t.Errorf("the second time it says %v", err)
			}
			execute(t, &backup.Restore{}, file, "--data", data, "--store", s.to, "--replace")
		})
	}
}

// TestDeadLetters backs up what history could not take in: a restored history takes in what it can.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	s := source(t)
	b := s.Bus.(*membus.Bus)
	good, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, Room: room, ID: "good", User: "ann", Text: "hello", TS: 1})
	if err != nil {
		t.Fatal(err)
	}
	for id, data := range map[string][]byte{"good": good, "bad": []byte("nothing")} {
		if _, err := bus.Append(within(t), b, bus.NewEntry{Room: room, Sender: "ann", ID: id, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- b.Consume(ctx, "history", func(context.Context, []bus.Entry) error { return errors.New("a fault of the release before") })
	}()
	file := write(t, s)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	data := t.TempDir()
	if out := execute(t, &backup.Restore{}, file, "--data", data); !strings.Contains(out, "history now stored 1 of the 2 entries") {
		t.Errorf("restore says %q", out)
	}
	h, err := sqlite.Open(t.Context(), filepath.Join(data, "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	if e, ok, err := h.Find(t.Context(), room, "ann", "good"); err != nil || !ok || string(e.Data) != string(good) {
		t.Errorf("the message is %+v, %t, %v", e, ok, err)
	}
}

// TestHistoryBehind backs up while history has not stored what was sent.
func TestHistoryBehind(t *testing.T) {
	t.Parallel()
	s := source(t)
	if _, err := bus.Append(within(t), s.Bus, bus.NewEntry{Room: room, Sender: "ann", ID: "id", Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(within(t), os.Stderr, 20*time.Millisecond); err == nil || !strings.Contains(err.Error(), "history has not stored within 20ms") {
		t.Errorf("it says %v", err)
	}
}

// TestKeepLog restores an old backup beside a log that is younger: nothing is lost.
func TestKeepLog(t *testing.T) {
	t.Parallel()
	server := bustest.Redis(t).URL()
	data := t.TempDir()
	first := run(t, data, "--bus", server)
	ann := first.register("ann")
	say := func(p *person, text string) string {
		t.Helper()
		ack, err := p.client.Send(within(t), room, text)
		if err != nil {
			t.Fatal(err)
		}
		return ack.MsgID
	}
	said := []string{say(ann, "before")}
	file := filepath.Join(t.TempDir(), "backup")
	execute(t, &backup.Config{}, file, "--data", data)
	said = append(said, say(ann, "after"))
	if _, err := try(t, &backup.Restore{}, file, "--data", data, "--bus", server, "--replace", "--keep-log"); err == nil || !strings.Contains(err.Error(), "stop") {
		t.Errorf("restoring what runs: %v", err)
	}
	if _, err := try(t, &backup.Restore{}, file, "--data", t.TempDir(), "--bus", server); err == nil || !strings.Contains(err.Error(), "stop all services") {
		t.Errorf("restoring onto a bus that is used: %v", err)
	}
	ann.close()
	first.stop()
	if _, err := try(t, &backup.Restore{}, file, "--data", t.TempDir(), "--bus", server); err == nil || !strings.Contains(err.Error(), "has a log already") {
		t.Errorf("restoring onto a bus with a log: %v", err)
	}
	execute(t, &backup.Restore{}, file, "--data", data, "--bus", server, "--replace", "--keep-log")
	second := run(t, data, "--bus", server)
	s, err := client.NewAPI(second.url, nil).Login(within(t), "ann", secret)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "history has taken in the log", func() bool { return len(second.record(s)) == len(said) })
	for i, m := range second.record(s) {
		if m.ID != said[i] {
			t.Errorf("message %d is %s, want %s", i, m.ID, said[i])
		}
	}
	// Pages have what only the log has. Whether it is stored, too, shows after history has caught
	// up.
	execute(t, &backup.Config{}, file+"-2", "--data", data)
	second.stop()
	h, err := sqlite.Open(t.Context(), filepath.Join(data, "history.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	for _, id := range said {
		if _, ok, err := h.Find(t.Context(), room, s.User().ID, id); err != nil || !ok {
			t.Errorf("history has not stored message %s: %v", id, err)
		}
	}
}

// TestRestoreRefuses gives restore what cannot be restored, or not there: it says why, and leaves
// everything as it was.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	good := write(t, source(t))
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	file := func(content []byte) string {
		path := filepath.Join(t.TempDir(), "backup")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	made := func(h archive.Header, change func(*archive.Writer)) string {
		path := filepath.Join(t.TempDir(), "backup")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := archive.NewWriter(f, h)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(a)
		}
		if err := errors.Join(a.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		return path
	}
	stores := map[string]archive.Store{"history": {Kind: "sqlite", Schema: 1}, "directory": {Kind: "sqlite", Schema: 1}}
	full := t.TempDir()
	execute(t, &backup.Restore{}, good, "--data", full)
	for name, tt := range map[string]struct {
		file string
		args []string
		want string
	}{
		"a text":        {file([]byte("hello")), nil, "this is no backup of Hubbub"},
		"no file":       {filepath.Join(full, "none"), nil, "no such file"},
		"one cut":       {file(whole[:len(whole)-100]), nil, "the backup is cut off"},
		"one of Mars":   {made(archive.Header{}, nil), nil, "it has no store of directory"},
		"another count": {made(archive.Header{Stores: stores}, func(a *archive.Writer) { a.Count("history/entries", 1) }), nil, "of history/entries there are 0, and there should be 1"},
		"no database": {
			made(archive.Header{Stores: stores}, func(a *archive.Writer) { _ = a.Add("history.db", 5, strings.NewReader("hello")) }), nil, "the backup is damaged: look into history.db",
		},
		"no parts": {made(archive.Header{Stores: stores}, nil), nil, "the backup is damaged: it has nothing of "},
		"an unknown part": {
			made(archive.Header{Stores: stores}, func(a *archive.Writer) { _ = a.Add("files/1", 5, strings.NewReader("hello")) }), nil, "does not know what files/1 is",
		},
		"a newer schema": {
			made(archive.Header{Version: "9.9.9", Stores: map[string]archive.Store{"history": {Kind: "sqlite", Schema: 999}, "directory": stores["directory"]}}, nil), nil,
			"a newer release made this backup, 9.9.9: its store of history (sqlite) has a schema of version 999",
		},
		"a folder that is full": {good, []string{"--data", full}, "directory.db is there already"},
		"a store of the other kind": {
			good, []string{"--store", "mongodb://127.0.0.1:1/x", "--bus", "redis://127.0.0.1:1", "--bus-timeout", "1s"}, "redis at 127.0.0.1:1 cannot be reached",
		},
		"MongoDB": {good, []string{"--store", "mongodb://127.0.0.1:1/x"}, "the backup has a store of directory in sqlite"},
	} {
		data := t.TempDir()
		args := append([]string{tt.file, "--data", data}, tt.args...)
		if _, err := try(t, &backup.Restore{}, args...); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		left, _ := filepath.Glob(filepath.Join(data, "*"))
		for _, path := range left {
			if !strings.HasSuffix(path, ".lock") {
				t.Errorf("%s: it has left %s", name, path)
			}
		}
	}
	out := execute(t, &backup.Restore{}, good, "--data", full, "--replace")
	if aside, _ := filepath.Glob(filepath.Join(full, "replaced-*", "*.db")); len(aside) != 2 || !strings.Contains(out, "what was there before is in ") {
		t.Errorf("aside is %v; it says %q", aside, out)
	}
}

// TestBackupRefuses makes backups of what is not there, and where one is already.
func TestBackupRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	redis := bustest.Redis(t).URL()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"no data":      {[]string{filepath.Join(dir, "new"), "--data", dir}, "there is no hubbub up in " + dir},
		"a file":       {[]string{there, "--data", dir}, "this file exists already"},
		"no folder":    {[]string{filepath.Join(dir, "no", "new"), "--data", dir}, "no such file or directory"},
		"no bus":       {[]string{filepath.Join(dir, "new"), "--data", dir, "--bus", "redis://127.0.0.1:1", "--bus-timeout", "1s"}, "cannot be reached"},
		"no store":     {[]string{filepath.Join(dir, "new"), "--data", dir, "--bus", redis, "--store", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"}, "cannot be reached: is it running"},
		"no files":     {[]string{filepath.Join(dir, "new"), "--data", dir, "--bus", redis}, "is that the data folder?"},
		"verify cut":   {[]string{"verify", there}, "this is no backup of Hubbub"},
		"empty target": {[]string{filepath.Join(dir, "new"), "--data", dir, "--bus", redis, "--store", mongotest.URL(t)}, "has nothing of directory"},
	} {
		if _, err := try(t, &backup.Config{}, tt.args...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("%v are left, %v", left, err)
	}
	if got, err := os.ReadFile(there); err != nil || string(got) != "precious" {
		t.Errorf("the file that was there is %q, %v", got, err)
	}
}

// TestStopped backs up a `hubbub up` that is stopped.
func TestStopped(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	h := run(t, data)
	ann := h.register("ann")
	if _, err := ann.client.Send(within(t), room, "hello"); err != nil {
		t.Fatal(err)
	}
	ann.close()
	h.stop()
	file := filepath.Join(t.TempDir(), "backup")
	out := execute(t, &backup.Config{}, file, "--data", data)
	if !strings.Contains(out, "1 user,") {
		t.Errorf("it says %q", out)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != fs.FileMode(0o600) {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) > 0 {
		t.Errorf("beside it is %v", left)
	}
	folder := t.TempDir()
	if out := execute(t, &backup.Config{}, folder, "--data", data, "--keep", "1"); !strings.Contains(out, folder+"/hubbub-2") {
		t.Errorf("in a folder: %q", out)
	}
	if _, err := try(t, &backup.Config{}, filepath.Join(folder, "x"), "--data", data, "--keep", "1"); err == nil || !strings.Contains(err.Error(), "is no folder") {
		t.Errorf("with --keep, and no folder: %v", err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("there is no disk here that is always full")
	}
	defer full.Close()
	c := &backup.Config{}
	parse(t, c, "-", "--data", data)
	if err := c.Execute(within(t), full); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("on a full disk: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "*.backup*")); len(left) > 0 {
		t.Errorf("in the data folder is %v", left)
	}
}
