package imports

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory"
	directorystore "hubbub.internal/services/directory/store"
	directorydata "hubbub.internal/services/directory/store/storeurl"
	"hubbub.internal/services/history"
	historydata "hubbub.internal/services/history/store/storeurl"
	"hubbub.internal/services/hubbub/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a directory and a history service on a bus, with the socket of a `hubbub up`.
type world struct {
	t       *testing.T
	data    string
	bus     bus.Interface
	store   directorystore.Store
	history *historyapi.Client
	// wrap, if it is there, is put around what hubbub import asks.
	wrap func(admin.Asker) admin.Asker
}

// open starts a world on a store: sqlite, or the URL of a MongoDB.
func open(t *testing.T, url string) *world {
	t.Helper()
	data, err := os.MkdirTemp("", "hub") // t.TempDir may be longer than a socket's path can be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	at := func(name string) string {
		if url != "" {
			return url
		}
		return "sqlite:" + filepath.Join(data, name)
	}
	ds, err := directorydata.Open(t.Context(), directorydata.Config{Store: at("directory.db")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	hs, err := historydata.Open(t.Context(), historydata.Config{Store: at("history.db")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b := membus.NewServer(membus.Options{}).Open(api.RequiredGroups...)
	d, err := directory.New(directory.Config{
		TokenLife: 1e12, SessionLife: 1e13, KeyLife: 1e15, Registration: true, HashMemory: 64, HashTime: 1, HashParallel: 1, LoginAttempts: 5,
		AccountRate: 100, AccountDay: 100, ChangeRate: 100, AuditKeep: 1e15,
	}, directory.Deps{Bus: b, Store: ds, Log: zap.NewNop(), Setup: func(string, time.Duration) {}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := history.New(history.Config{MaxEdits: 100, Pages: 8, Search: true, MaxTail: 20_000}, history.Deps{
		Bus: b, Store: hs, Cache: directoryapi.NewCache(b, zap.NewNop()), Log: zap.NewNop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := admin.Listen(data)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	var failed []error
	for _, run := range []func(context.Context) error{d.Run, h.Run, func(ctx context.Context) error { return admin.Serve(ctx, l, d.AdminHandler()) }} {
		wait.Go(func() {
			if err := run(ctx); err != nil {
				failed = append(failed, err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		wait.Wait()
		if err := errors.Join(append(failed, b.Close(), ds.Close(), hs.Close())...); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, data: data, bus: b, store: ds, history: historyapi.NewClient(b)}
	w.eventually("it serves", func() bool {
		err := w.history.Forget(t.Context(), "no room")
		return d.Ready(t.Context()) == nil && chat.CodeOf(err) == chat.CodeBadRequest
	})
	return w
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("never: %s", what)
		}
	}
}

// run runs `hubbub import`.
func (w *world) run(args ...string) (string, error) {
	w.t.Helper()
	return runIn(w.t, w.wrap, append(args, "--data", w.data)...)
}

func runIn(t *testing.T, wrap func(admin.Asker) admin.Asker, args ...string) (string, error) {
	t.Helper()
	var c Config
	k, err := kong.New(&c, kong.Vars{"bus": "embedded:"})
	if err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	if _, err := k.Parse(append(args, "--temp", temp)); err != nil {
		return "", err
	}
	if err := c.Validate(); err != nil {
		return "", err
	}
	var out bytes.Buffer
	c.wrap = wrap
	err = c.Execute(t.Context(), &out)
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("the import leaves %v behind", left)
	}
	return out.String(), err
}

// packed makes a zip archive of a folder, with changes: other contents by name; of an empty one,
// none.
func packed(t *testing.T, folder string, changes ...string) string {
	t.Helper()
	files := map[string]string{}
	if folder != "" {
		err := fs.WalkDir(os.DirFS(folder), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(filepath.Join(folder, path))
			files[path] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < len(changes); i += 2 {
		files[changes[i]] = changes[i+1]
	}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	file := filepath.Join(t.TempDir(), "export.zip")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range names {
		if files[name] == "" {
			continue
		}
		f, err := z.Create(name)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), os.WriteFile(file, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return file
}

// account returns somebody by name.
func (w *world) account(name string) directorystore.User {
	w.t.Helper()
	u, err := w.store.UserByName(w.t.Context(), strings.ToLower(name))
	if err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	return u
}

// room returns the room of an export with a key.
func (w *world) room(source, key string) directorystore.Room {
	w.t.Helper()
	r, err := w.store.Room(w.t.Context(), directoryapi.ImportID(source, "room", key))
	if err != nil {
		w.t.Fatalf("room %s: %v", key, err)
	}
	return r
}

// said returns what the record shows of a room, one line for each message: of threads, too.
func (w *world) said(room string) []string {
	w.t.Helper()
	var all []string
	for after := uint64(0); ; {
		req := historyapi.PageRequest{Room: room, After: after, Limit: historyapi.MaxLimit, All: true}
		if after == 0 {
			req.Around = 1
		}
		page, err := w.history.Page(w.t.Context(), req)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, m := range page.Messages {
			all = append(all, shown(m))
			after = m.Seq
		}
		if !page.More || len(page.Messages) == 0 {
			return all
		}
	}
}

func shown(m chat.Message) string {
	line := fmt.Sprintf("%d %s: %s", m.TS/1000, m.Name, m.Text)
	if (m.Thread != chat.Thread{}) {
		line += " [thread"
		if m.Broadcast {
			line += ", broadcast"
		}
		line += "]"
	}
	if m.Replies != nil {
		line += fmt.Sprintf(" [%d answers]", m.Replies.Count)
	}
	if m.Pinned {
		line += " [pinned]"
	}
	var reactions []string
	for emoji, who := range m.Reactions {
		reactions = append(reactions, fmt.Sprintf(" %s×%d", emoji, len(who)))
	}
	slices.Sort(reactions)
	line += strings.Join(reactions, "")
	if len(m.Mentions) > 0 {
		line += fmt.Sprintf(" [%d mentions]", len(m.Mentions))
	}
	return line
}

func equal(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// confirm gives an account a mail address, as its owner would by a link.
func (w *world) confirm(user, address string) error {
	key := strings.ToLower(address)
	return w.store.PatchAccount(w.t.Context(), user, directorystore.AccountPatch{Mail: &address, MailKey: &key})
}
