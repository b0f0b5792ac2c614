package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"hubbub.internal/libs/attention"
	"hubbub.internal/services/directory/mail"
	"hubbub.internal/services/directory/store"
)

// TestDigestsOfReplicas: of several replicas on one store one writes each digest, however often
// they look at the same time.
func TestDigestsOfReplicas(t *testing.T) {
	w, sink, others, ann := openAway(t)
	second := start(t, w.cfg, w.connect, w.store)
	for range 20 {
		others.waits(ann.User.ID, mentionIn("lobby", time.Now().UnixMilli()))
		w.lookAgain(ann.User.ID, time.UnixMilli(0))
		var both sync.WaitGroup
		for _, r := range []*world{w, second} {
			both.Go(func() {
				if err := r.digests.sweepDigests(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		sink.Next(t)
		w.noLetter(sink)
		second.noLetter(sink)
	}
	if a, b := testutil.ToFloat64(w.metrics.digests.WithLabelValues("written")), testutil.ToFloat64(second.metrics.digests.WithLabelValues("written")); a+b != 20 {
		t.Errorf("%v and %v digests were written", a, b)
	}
}

// TestDigestOfTheDead: a process that dies before its letter is in the store has written none, one
// that dies after it leaves it to another, and what one has begun to send no other sends.
func TestDigestOfTheDead(t *testing.T) {
	w, sink, others, ann := openAway(t)
	user, now := ann.User.ID, time.Now()
	others.waits(user, mentionIn("lobby", now.UnixMilli()-1))
	w.lookAgain(user, time.UnixMilli(0))
	w.memory.Fail(func(call string, _ bool) error {
		if call == "PutLetter" {
			return errors.New("died")
		}
		return nil
	})
	a := w.look(user)
	w.memory.Fail(nil)
	if a.DigestSent < now.UnixMilli() || a.DigestDue < now.Add(digestLook-time.Minute).UnixMilli() {
		t.Errorf("after it: %+v", a)
	}
	w.lookAgain(user, time.UnixMilli(a.DigestSent))
	w.look(user)
	w.noLetter(sink)

	letter := store.Letter{ID: "l1", Kind: store.LetterDigest, User: user, Holder: "dead", Until: now.Add(-time.Second).UnixMilli(), Expires: now.Add(time.Hour).UnixMilli()}
	if err := w.store.PutLetter(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	if err := w.letters.claimLetters(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m := sink.Next(t); !strings.Contains(m.Text, "1 mention") {
		t.Errorf("the letter of the dead: %s", m.Text)
	}
	w.noLetter(sink)

	letter.ID, letter.Until = "l2", now.Add(time.Hour).UnixMilli()
	if err := w.store.PutLetter(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	if got, err := w.digests.digestLetter(t.Context(), letter); err != nil || len(got) != 0 {
		t.Errorf("what another holds is written, too: %+v, %v", got, err)
	}
	letter.ID, letter.Holder = "l3", w.letters.mailing.holder
	if err := w.store.PutLetter(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if got, err := w.digests.digestLetter(t.Context(), letter); err != nil || len(got) != 1-i {
			t.Errorf("try %d: %+v, %v", i, got, err)
		}
	}
	// Meanwhile everything was read.
	letter.ID = "l4"
	others.waits(user)
	if err := w.store.PutLetter(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	if got, err := w.digests.digestLetter(t.Context(), letter); err != nil || len(got) != 0 {
		t.Errorf("of what was read: %+v, %v", got, err)
	}
}

// TestDigestsBegin: after an upgrade, and on a server that sent no mail for long, nobody is written
// at once, and who never had a digest is told only of what comes from then on.
func TestDigestsBegin(t *testing.T) {
	w, sink := openMailWorld(t)
	others := w.absent()
	before := time.Now()
	for i := range 20 {
		user := fmt.Sprint("u", i)
		if err := w.store.PatchAccount(t.Context(), user, store.AccountPatch{Mail: new("u@example.org"), MailKey: new("u@example.org")}); err != nil {
			t.Fatal(err)
		}
		others.waits(user, mentionIn("lobby", before.UnixMilli()))
	}
	if err := w.store.MoveDigest(t.Context(), "u1", 0, before.Add(-digestMissed-time.Minute).UnixMilli(), 5); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.cfg.Digest = string(attention.Hourly) // and even then nobody is written the next day
	second := start(t, w.cfg, w.connect, w.store)
	hours := map[int64]bool{}
	for i := range 20 {
		var a store.Account
		second.eventually("it has a time of its own", func() bool {
			var err error
			a, err = second.store.Account(t.Context(), fmt.Sprint("u", i))
			return err == nil && a.DigestDue > before.UnixMilli()
		})
		from, to, sent := before.Add(24*time.Hour), time.Now().Add(48*time.Hour), a.DigestSent >= before.UnixMilli()
		if i == 1 { // had one
			from, to, sent = before, time.Now().Add(24*time.Hour), a.DigestSent == 5
		}
		if a.DigestDue < from.UnixMilli() || a.DigestDue > to.UnixMilli() || !sent {
			t.Errorf("the account is %+v", a)
		}
		hours[a.DigestDue/time.Hour.Milliseconds()] = true
	}
	if len(hours) < 5 {
		t.Errorf("20 accounts are looked at in %d hours", len(hours))
	}
	second.noLetter(sink)
}

// TestDigestsBeginLater: where the store does not work when a process starts, it is asked again.
func TestDigestsBeginLater(t *testing.T) {
	w, _ := openMailWorld(t)
	w.stop()
	if err := w.store.PatchAccount(t.Context(), "u1", store.AccountPatch{Mail: new("u@example.org"), MailKey: new("u@example.org")}); err != nil {
		t.Fatal(err)
	}
	var tries atomic.Int32
	w.memory.Fail(func(call string, _ bool) error {
		if call == "BeginDigests" && tries.Add(1) == 1 {
			return errors.New("the store is down")
		}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.digests.run(ctx, time.Millisecond) })
	w.eventually("the account has a time", func() bool {
		a, err := w.store.Account(t.Context(), "u1")
		return err == nil && a.DigestDue > unknownDigest
	})
	cancel()
	running.Wait()
}

// TestDigestsWaitForLetters: other letters do not stand behind many digests.
func TestDigestsWaitForLetters(t *testing.T) {
	w, sink, others, ann := openAway(t)
	others.waits(ann.User.ID, mentionIn("lobby", time.Now().UnixMilli()))
	w.lookAgain(ann.User.ID, time.UnixMilli(0))
	var mu sync.Mutex
	down := true
	for range digestsAtOnce + 1 {
		w.letters.mailing.queue.Add(mail.Job{Until: time.Now().Add(time.Hour), Write: func(context.Context) ([]mail.Letter, error) {
			mu.Lock()
			defer mu.Unlock()
			if down {
				return nil, errors.New("the store is down")
			}
			return nil, nil
		}})
	}
	w.eventually("all wait to be tried again", func() bool { return w.letters.mailing.queue.Waiting() > digestsAtOnce })
	before, err := w.store.Account(t.Context(), ann.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	if after := w.look(ann.User.ID); after.DigestDue != before.DigestDue {
		t.Errorf("it was looked at: %+v", after)
	}
	mu.Lock()
	down = false
	mu.Unlock()
	w.eventually("they are done", func() bool { return w.letters.mailing.queue.Waiting() <= digestsAtOnce })
	w.look(ann.User.ID)
	sink.Next(t)
}
