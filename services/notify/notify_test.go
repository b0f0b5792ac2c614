package notify

import (
	"net/http"
	"strings"
	"testing"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	notifyapi "hubbub.internal/libs/api/notify"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/chat"
)

func TestMentionIsPushed(t *testing.T) {
	w := open(t, quick(), nil)
	seq := w.says("lobby", "bob", "hello @ann")
	w.mentioned("ann", "lobby", "bob", seq, true)
	session, n := w.gets()
	if want := (notice{Kind: kindMention, Room: "lobby", Name: "Lobby", Seq: seq, Author: "bob", Count: 1}); session != "ann-1" || n != want {
		t.Errorf("%s gets %+v, want %+v", session, n, want)
	}
	w.nothingElse()
}

func TestDirectMessageIsPushedToTheOther(t *testing.T) {
	w := open(t, quick(), nil)
	w.direct = []string{"ann", "bob"}
	seq := w.says("d-1", "bob", "psst")
	session, n := w.gets()
	if want := (notice{Kind: kindDirect, Room: "d-1", Seq: seq, Author: "bob", Count: 1}); session != "ann-1" || n != want {
		t.Errorf("%s gets %+v, want %+v", session, n, want)
	}
	seq = w.says("g-1", "bob", "psst, all")
	session, n = w.gets()
	if want := (notice{Kind: kindDirect, Room: "g-1", Seq: seq, Author: "bob", Count: 1}); session != "ann-1" || n != want {
		t.Errorf("for a group %s gets %+v, want %+v", session, n, want)
	}
	w.nothingElse()
}

func TestMentionOfARoomIsPushedToAllButItsAuthor(t *testing.T) {
	w := open(t, quick(), nil)
	seq := w.says("lobby", "bob", "@room")
	w.append(chat.Event{Type: chat.TypeMentioned, Room: "lobby", User: "bob", Name: "bob", At: seq, On: true})
	got := map[string]bool{}
	for range 2 {
		session, _ := w.gets()
		got[session] = true
	}
	if !got["ann-1"] || !got["cyd-1"] {
		t.Errorf("notices went to %v", got)
	}
	w.nothingElse()
}

// TestTextIsPushedOnlyIfAllowed: for a mention, only history knows the text.
func TestTextIsPushedOnlyIfAllowed(t *testing.T) {
	cfg := quick()
	cfg.Text = true
	w := open(t, cfg, nil)
	w.direct = []string{"ann", "bob"}
	w.says("d-1", "bob", strings.Repeat("ä", 300))
	if _, n := w.gets(); n.Text != strings.Repeat("ä", 200)+"…" {
		t.Errorf("the text is %q", n.Text)
	}
	seq := w.says("lobby", "bob", "hello @ann")
	w.change(func() { w.pages[seq] = chat.Message{Event: chat.Event{Seq: seq, Text: "hello @ann"}} })
	w.mentioned("ann", "lobby", "bob", seq, true)
	if _, n := w.gets(); n.Text != "hello @ann" {
		t.Errorf("the text is %q", n.Text)
	}
}

// TestWhoGetsNoNotice: each case is a reason why ann gets no notice of a mention.
func TestWhoGetsNoNotice(t *testing.T) {
	all := map[string]attention.Choices{}
	for name, set := range map[string]func(w *world){
		"looks at a device":  func(w *world) { w.active = []string{"ann"} },
		"do not disturb":     func(w *world) { w.dnd = []string{"ann"} },
		"ignores the author": func(w *world) { w.people["ann"].Hidden = []string{"bob"} },
		"no longer a member": func(w *world) { w.outside["ann"] = true },
		"has read it": func(w *world) {
			w.inbox["ann"] = chat.InboxRoom{Read: chat.Forever, Through: chat.Forever, Unread: 1, Mentions: 1}
		},
		"it was deleted":      func(w *world) { w.inbox["ann"] = chat.InboxRoom{Through: chat.Forever} },
		"no longer mentioned": func(w *world) { w.inbox["ann"] = chat.InboxRoom{Through: chat.Forever, Unread: 1} },
		"wants nothing":       func(w *world) { w.people["ann"].Choices = attention.Choices{Level: attention.Nothing} },
		"nothing of the room": func(w *world) {
			w.people["ann"].Choices = attention.Choices{Level: attention.Everything, Rooms: map[string]attention.Level{"closed": attention.Nothing}}
		},
		"paused": func(w *world) { w.people["ann"].Choices = attention.Choices{Paused: chat.Forever} },
		"quiet hours": func(w *world) {
			now := time.Now().UTC()
			at := now.Hour()*60 + now.Minute()
			w.people["ann"].Choices = attention.Choices{Quiet: &attention.Quiet{From: (at + 1440 - 60) % 1440, To: (at + 60) % 1440, Zone: "UTC"}}
		},
		"has no device": func(w *world) { delete(w.people, "ann") },
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t, quick(), all)
			w.change(func() { set(w) })
			seq := w.says("closed", "bob", "hello @ann")
			w.mentioned("ann", "closed", "bob", seq, true)
			w.eventually("nothing waits", func() bool { return w.bus.CatchUp(t.Context(), group) == nil && w.queue.Len() == 0 })
			w.stop()
			select {
			case got := <-w.push.Got:
				t.Errorf("a notice was sent: %+v", got)
			default:
			}
		})
	}
}

func TestChoicesOfRoomsAndWords(t *testing.T) {
	w := open(t, quick(), map[string]attention.Choices{
		"ann": {Rooms: map[string]attention.Level{"lobby": attention.Everything}},
		"bob": {Words: []string{"deploy"}},
		"cyd": {Level: attention.Everything},
	})
	w.says("lobby", "zed", "good morning")
	got := map[string]string{}
	for range 2 {
		session, n := w.gets()
		got[session] = n.Kind
	}
	if len(got) != 2 || got["ann-1"] != kindMessage || got["cyd-1"] != kindMessage {
		t.Errorf("the notices of everything are %v", got)
	}
	w.says("garden", "zed", "who will DEPLOY?")
	if session, n := w.gets(); session != "bob-1" || n.Kind != kindMention {
		t.Errorf("for a word %s gets %+v", session, n)
	}
	w.append(chat.Event{Type: chat.TypeMember, Room: "new", User: "zed", Member: "cyd", Role: "member"})
	w.says("new", "zed", "welcome")
	if session, n := w.gets(); session != "cyd-1" || n.Room != "new" {
		t.Errorf("for a room that cyd has joined %s gets %+v", session, n)
	}
	w.nothingElse()
}

// TestImportedMessagesGetNoNotice: of two messages only the second, which is not imported, gets a
// notice.
func TestImportedMessagesGetNoNotice(t *testing.T) {
	w := open(t, quick(), map[string]attention.Choices{"ann": {Level: attention.Everything}})
	w.append(chat.Event{Type: chat.TypeMsg, Room: "lobby", ID: "i1", User: "bob", Name: "bob", TS: time.Now().UnixMilli(), Text: "of old", Imported: &chat.Imported{From: "slack"}})
	seq := w.says("lobby", "bob", "of today")
	if _, n := w.gets(); n.Seq != seq || n.Count != 1 {
		t.Errorf("the notice is %+v", n)
	}
	w.nothingElse()
}

// TestEditedTextIsPushed: a push contains the text after the edit, and not the one before.
func TestEditedTextIsPushed(t *testing.T) {
	cfg := quick()
	cfg.Text, cfg.Delay = true, 10*time.Minute
	w := open(t, cfg, nil)
	w.direct = []string{"ann", "bob"}
	w.append(chat.Event{Type: chat.TypeMsg, Room: "d-1", User: "bob", Name: "bob", ID: "m1", Text: "the door code is 1234"})
	w.append(chat.Event{Type: chat.TypeEdited, Room: "d-1", User: "bob", Target: "m1", Author: "bob", Text: "I will call you"})
	w.eventually("all is consumed", func() bool { return w.bus.CatchUp(t.Context(), group) == nil })
	w.stop() // which sends the notices that wait
	if _, n := w.gets(); n.Text != "I will call you" {
		t.Errorf("the text is %q", n.Text)
	}
}

// TestOneNoticeForARoom: one notice covers the messages of a room, each once, without deleted
// messages and mentions that were taken back.
func TestOneNoticeForARoom(t *testing.T) {
	cfg := quick()
	cfg.Delay = 10 * time.Minute
	w := open(t, cfg, map[string]attention.Choices{"ann": {Level: attention.Everything, Words: []string{"tea"}}})
	w.says("lobby", "bob", "gone soon")
	first := w.append(chat.Event{Type: chat.TypeMsg, Room: "lobby", User: "bob", Name: "bob", ID: "m1", Text: "tea @ann"})
	w.mentioned("ann", "lobby", "bob", first, true)
	w.append(chat.Event{Type: chat.TypeMsg, Room: "lobby", User: "cyd", Name: "cyd", ID: "m2", Text: "wrong"})
	w.append(chat.Event{Type: chat.TypeDeleted, Room: "lobby", User: "cyd", Target: "m2", Author: "cyd"})
	last := w.says("lobby", "cyd", "milk?")
	w.mentioned("ann", "lobby", "cyd", last, true)
	w.mentioned("ann", "lobby", "cyd", last, false)
	w.eventually("all is consumed", func() bool { return w.bus.CatchUp(t.Context(), group) == nil })
	w.stop() // which sends the notices that wait
	session, n := w.gets()
	if session != "ann-1" || n.Kind != kindMention || n.Count != 3 || n.Author != "cyd" || n.Seq >= first {
		t.Errorf("%s gets %+v", session, n)
	}
	if len(w.push.Got) != 0 {
		t.Errorf("and %+v", <-w.push.Got)
	}
}

// TestPauseBetweenNoticesOfARoom: messages in the pause wait for its end.
func TestPauseBetweenNoticesOfARoom(t *testing.T) {
	cfg := quick()
	cfg.Again = 700 * time.Millisecond
	w := open(t, cfg, nil)
	w.direct = []string{"ann", "bob"}
	w.says("d-1", "bob", "1")
	if _, n := w.gets(); n.Count != 1 {
		t.Errorf("first %+v", n)
	}
	w.says("d-1", "bob", "2")
	w.eventually("it waits", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.asked[historyapi.ServiceInbox] == 2 })
	w.says("d-1", "bob", "3")
	if _, n := w.gets(); n.Count != 2 {
		t.Errorf("then %+v", n)
	}
}

// TestOldMessagesGetNoNotice: messages from a time in which the service was away get none.
func TestOldMessagesGetNoNotice(t *testing.T) {
	w := open(t, quick(), nil)
	w.direct = []string{"ann", "bob"}
	w.append(chat.Event{Type: chat.TypeMsg, Room: "d-1", User: "bob", Name: "bob", Text: "old", TS: time.Now().Add(-11 * time.Minute).UnixMilli()})
	w.says("d-1", "bob", "new")
	if _, n := w.gets(); n.Count != 1 {
		t.Errorf("the notice is %+v", n)
	}
}

// TestServicesThatAreAway: a service that does not answer delays notices, except presence: without
// it everybody counts as away.
func TestServicesThatAreAway(t *testing.T) {
	w := open(t, quick(), nil)
	w.direct = []string{"ann", "bob"}
	w.change(func() { w.away[presenceapi.ServiceActive] = true })
	w.says("d-1", "bob", "hello")
	if session, _ := w.gets(); session != "ann-1" {
		t.Errorf("the notice went to %s", session)
	}
	w.change(func() { w.away[directoryapi.ServiceReach] = true })
	seq := w.says("lobby", "bob", "@cyd")
	w.mentioned("cyd", "lobby", "bob", seq, true)
	w.eventually("the directory was asked", func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.asked[directoryapi.ServiceReach] >= 2 })
	w.eventually("it waits", func() bool { return w.queue.Len() == 1 })
	w.change(func() { w.away[directoryapi.ServiceReach] = false })
	for _, b := range w.queue.Due(time.Now().Add(time.Hour)) {
		w.notifyBatch(t.Context(), b)
	}
	if session, _ := w.gets(); session != "cyd-1" {
		t.Errorf("the notice went to %s", session)
	}
}

func TestLapsedDeviceIsReported(t *testing.T) {
	w := open(t, quick(), nil)
	w.direct = []string{"ann", "bob"}
	w.push.Answer(func(_ string, r http.ResponseWriter) bool { r.WriteHeader(http.StatusGone); return true })
	w.says("d-1", "bob", "hello")
	w.eventually("the directory hears it", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.lapsed) == 1 && w.lapsed[0] == directoryapi.LapsedRequest{Session: "ann-1", Endpoint: w.push.URL + "/ann-1"}
	})
}

func TestTryPushesAtOnce(t *testing.T) {
	w := open(t, quick(), nil)
	client := notifyapi.NewClient(w.bus)
	if err := client.Try(t.Context(), notifyapi.TryRequest{User: "ann", Session: "ann-1"}); err != nil {
		t.Fatal(err)
	}
	if session, n := w.gets(); session != "ann-1" || n != (notice{Kind: kindTest}) {
		t.Errorf("%s gets %+v", session, n)
	}
	if err := client.Try(t.Context(), notifyapi.TryRequest{User: "ann", Session: "other"}); chat.CodeOf(err) != chat.CodeNotFound {
		t.Errorf("without a device: %v", err)
	}
	for code, want := range map[int]string{http.StatusGone: chat.CodeNotFound, http.StatusInternalServerError: chat.CodeUnavailable, http.StatusBadRequest: chat.CodeUnavailable} {
		w.push.Answer(func(_ string, r http.ResponseWriter) bool { r.WriteHeader(code); return true })
		if err := client.Try(t.Context(), notifyapi.TryRequest{User: "ann", Session: "ann-1"}); chat.CodeOf(err) != want {
			t.Errorf("the push service answers %d: %v", code, err)
		}
	}
}

func TestConfig(t *testing.T) {
	good := quick()
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, contact := range []string{"https://chat.example/", "op@chat.example"} {
		cfg := quick()
		if cfg.Contact = contact; cfg.Validate() != nil {
			t.Errorf("contact %s is refused", contact)
		}
	}
	edges := quick()
	for _, set := range []func(c *Config){
		func(c *Config) {
			c.Delay, c.Again, c.TooOld, c.PushLife, c.PushTimeout = 0, 0, 10*time.Second, 0, time.Second
		},
		func(c *Config) {
			c.Delay, c.Again, c.TooOld, c.PushLife, c.PushTimeout = 10*time.Minute, 24*time.Hour, 24*time.Hour, 672*time.Hour, time.Minute
		},
		func(c *Config) { c.PerHour, c.Pending, c.Pushes = 6, 100, 1 },
		func(c *Config) { c.PerHour, c.Pending, c.Pushes = 10_000, 10_000_000, 10_000 },
	} {
		if set(&edges); edges.Validate() != nil {
			t.Errorf("%+v: %v", edges, edges.Validate())
		}
	}
	for _, contact := range []string{"http://chat.example/", "https:", "Op <op@chat.example>", "nobody"} {
		cfg := quick()
		if cfg.Contact = contact; cfg.Validate() == nil {
			t.Errorf("contact %s is accepted", contact)
		}
	}
	bad := Config{Delay: -1, Again: -1, TooOld: 0, PerHour: 1, Pending: 1, PushLife: -1, PushTimeout: 0, Pushes: 0, Contact: "http://chat.example"}
	err := bad.Validate()
	bad = Config{
		Delay: 10*time.Minute + 1, Again: 24*time.Hour + 1, TooOld: 24*time.Hour + 1, PerHour: 10_001, Pending: 10_000_001, PushLife: 672*time.Hour + 1, PushTimeout: time.Minute + 1, Pushes: 10_001,
		Contact: "nobody",
	}
	above := bad.Validate()
	for _, flag := range []string{"delay", "again", "too-old", "per-hour", "pending", "push-life", "push-timeout", "pushes", "contact"} {
		for _, err := range []error{err, above} {
			if err == nil || !strings.Contains(err.Error(), "--"+flag+" ") {
				t.Errorf("--%s is not refused: %v", flag, err)
			}
		}
	}
}
