package mongo

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/history/store"
	"hubbub.internal/services/history/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openAt(t *testing.T, url string) store.Store {
	t.Helper()
	s, err := Open(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestStore leaves out, on FerretDB, the case that needs concurrent updates of one document.
func TestStore(t *testing.T) {
	urls := map[store.Store]string{}
	storetest.Run(t, storetest.Options{LosesUpdates: !mongotest.Real()},
		func(t *testing.T) store.Store {
			url := mongotest.URL(t)
			s := openAt(t, url)
			urls[s] = url
			return s
		},
		func(t *testing.T, s store.Store) store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return openAt(t, urls[s])
		})
}

// TestKilled kills the server under the store: calls fail, and work again when it is back, with all
// that was kept.
func TestKilled(t *testing.T) {
	server := mongotest.Start(t)
	// where the machine is busy a server may be slow
	s := openAt(t, server.URL+"?serverSelectionTimeoutMS=60000&timeoutMS=60000")
	entry := func(seq uint64) []store.Entry {
		return []store.Entry{{Room: "r1", Seq: seq, Sender: "ann", ID: fmt.Sprint("m", seq), Type: "msg", Data: []byte("1")}}
	}
	if _, err := s.Append(t.Context(), entry(1)); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	soon := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	if _, err := s.Append(soon(), entry(2)); err == nil {
		t.Error("appended to a dead server")
	}
	if _, err := s.Newest(soon(), "r1", 10, 10); err == nil {
		t.Error("read from a dead server")
	}
	server.Again()
	if _, err := s.Append(t.Context(), entry(2)); err != nil {
		t.Fatal(err)
	}
	all, err := s.Newest(t.Context(), "r1", 10, 10)
	if err != nil || len(all) != 2 {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestUpgrade opens what earlier releases have written.
func TestUpgrade(t *testing.T) {
	mongotest.Upgrades(t, func(t *testing.T, url string, version int) {
		if err := openAt(t, url).Close(); err != nil { // what is opened again has had all steps
			t.Fatal(err)
		}
		storetest.Verify(t, openAt(t, url), version > 0)
	})
}

// TestSteps leads what was kept before there were authors and slots forward, and does it again, as
// a process does that was killed in the middle. What a process of the release before adds meanwhile
// is known, too.
func TestSteps(t *testing.T) {
	url := mongotest.URL(t)
	db, err := mongodb.Open(t.Context(), url, mongodb.Schema{App: "hubbub-history", Steps: steps[:1]}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range storetest.Changed() {
		if _, err := db.Collection("entries").InsertOne(t.Context(), recordOf(store.Key(e.Room, e.Seq), e)); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []int{1, 2, 1, 2} {
		if err := steps[step].Run(t.Context(), db); err != nil {
			t.Fatal(err)
		}
	}
	if err := mongodb.Close(db); err != nil {
		t.Fatal(err)
	}
	storetest.VerifyChanged(t, openAt(t, url))
}

// TestThreadsOfBeforeAreFollowed by who is in them, and nothing of them is new; also when it is
// done again.
func TestThreadsOfBeforeAreFollowed(t *testing.T) {
	s := openAt(t, mongotest.URL(t)).(*Store)
	storetest.FillThreads(t, s)
	for range 2 {
		if err := addFollows(t.Context(), s.db); err != nil {
			t.Fatal(err)
		}
	}
	storetest.VerifyFollowed(t, s)
}

// TestWordsOfBeforeGo: a release before has left the words of what it has removed; also when the
// step is done again.
func TestWordsOfBeforeGo(t *testing.T) {
	ctx := t.Context()
	s := openAt(t, mongotest.URL(t)).(*Store)
	var all []store.Entry
	for i, text := range []string{"gone both", "both here"} {
		all = append(all, store.Entry{Room: "r1", Seq: uint64(i + 1), Sender: "ann", ID: text[:4], Type: "msg", Terms: store.TermsOf("ann", text, 1, false, false)})
	}
	if _, err := s.Append(ctx, all); err != nil {
		t.Fatal(err)
	}
	if _, err := s.found.DeleteOne(ctx, bson.D{field("_id", store.Key("r1", 1))}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := markUnverified(ctx, s.db); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		later time.Duration
		want  []string
	}{{unverifiedFor - time.Hour, []string{"both", "gone", "here"}}, {unverifiedFor + time.Hour, []string{"both", "here"}}} {
		for more := true; more; {
			var err error
			if more, err = s.Tidy(ctx, time.Now().Add(tt.later).UnixMilli(), false); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Completions(ctx, "", 10)
		if slices.Sort(got); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("after %s: %q, %v, want %q", tt.later, got, err, tt.want)
		}
	}
}

// TestCollections holds that a backup copies every collection that the store uses.
func TestCollections(t *testing.T) {
	s := openAt(t, mongotest.URL(t)).(*Store)
	storetest.Fill(t, s)
	mongotest.Copied(t, s.db, Collections())
}

// TestMakeUpgrade writes the dump of this release for TestUpgrade.
func TestMakeUpgrade(t *testing.T) {
	url := mongotest.URL(t)
	storetest.Fill(t, openAt(t, url))
	path := mongotest.Fixture(t)
	mongotest.Dump(t, url, path)
	again := mongotest.URL(t)
	mongotest.Load(t, again, path)
	storetest.Verify(t, openAt(t, again), true)
}

// TestOriginalOfWhatIsErasedMeanwhile: a message that is deleted while its first text is being put
// away as a version stays without it.
func TestOriginalOfWhatIsErasedMeanwhile(t *testing.T) {
	s := openAt(t, mongotest.URL(t))
	ctx, name := t.Context(), store.Name{Sender: "ann", ID: "m1"}
	if _, err := s.Append(ctx, []store.Entry{{Room: "r1", Seq: 1, Sender: name.Sender, ID: name.ID, Type: chat.TypeMsg, Data: []byte("secret")}}); err != nil {
		t.Fatal(err)
	}
	none := func(store.Entry) ([]byte, error) { return []byte("none"), nil }
	err := s.KeepOriginal(ctx, "r1", name, func(e store.Entry) ([]byte, error) {
		if seqs, err := s.Erase(ctx, "r1", name, none); err != nil || len(seqs) != 1 {
			t.Errorf("erased %d, %v", seqs, err)
		}
		return none(e)
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Versions(ctx, "r1", name, 10, 10)
	if err != nil || len(all) != 1 || string(all[0].Data) != "none" {
		t.Errorf("the first version of what is gone is %+v, %v", all, err)
	}
}
