package history

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
)

// queue makes requests of users wait for turns, one after the other, and returns what they have in
// the order in which they begin.
func queue(t *testing.T, turns *turns, began chan<- string, end <-chan struct{}, users ...string) {
	t.Helper()
	for _, user := range users {
		go func() {
			done, err := turns.acquire(t.Context(), user)
			if err != nil {
				began <- user + " " + chat.CodeOf(err)
				return
			}
			began <- user
			<-end
			done(0)
		}()
		synctest.Wait()
	}
}

// TestTurns: one user asks for very much, and others for one thing each: they come next, and
// nobody has two at a time.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(2, 0)
		began, end := make(chan string, 100), make(chan struct{})
		queue(t, turns, began, end, "eve", "eve", "eve", "eve", "ann", "bob", "eve", "bob", "cy")
		var order []string
		for range 9 {
			for len(began) > 0 {
				order = append(order, <-began)
			}
			end <- struct{}{}
			synctest.Wait()
		}
		if want := []string{"eve", "ann", "bob", "cy", "eve", "bob", "eve", "eve", "eve"}; !slices.Equal(order, want) {
			t.Errorf("the order is %v, want %v", order, want)
		}
		if len(turns.running)+len(turns.waiting)+len(turns.order)+turns.n != 0 || turns.free != 2 {
			t.Errorf("left is %+v", turns)
		}
	})
}

// TestTurnsAreBounded: who waits for too much is refused, and refuses nobody else.
func TestTurnsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1, 0)
		began, end := make(chan string, 2*maxWaiting), make(chan struct{})
		queue(t, turns, began, end, "eve")
		for range maxWaitingEach {
			queue(t, turns, began, end, "eve")
		}
		<-began
		queue(t, turns, began, end, "eve", "ann")
		if got := <-began; got != "eve rate_limited" || len(began) > 0 {
			t.Errorf("one more of eve: %s, and %d have begun", got, len(began))
		}
		for i := range maxWaiting - maxWaitingEach - 1 {
			queue(t, turns, began, end, fmt.Sprint("u", i))
		}
		queue(t, turns, began, end, "late")
		if got := <-began; got != "late unavailable" {
			t.Errorf("one more of all: %s", got)
		}
		close(end)
		synctest.Wait()
		if len(turns.running)+len(turns.waiting)+len(turns.order)+turns.n != 0 || turns.free != 1 {
			t.Errorf("left is %+v", turns)
		}
	})
}

// TestAllowance: one user takes as much as goes, and another a little now and then, who never
// waits: the first is given what the allowance says, and what it says for some seconds more at
// once.
func TestAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, perSecond = 500, 1000
		turns := newTurns(1, perSecond)
		began := time.Now()
		given, others := 0, 0
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
		defer cancel()
		go func() {
			for {
				done, err := turns.acquire(ctx, "eve")
				if err != nil {
					return
				}
				done(size)
				given += size
			}
		}()
		for ctx.Err() == nil {
			asked := time.Now()
			done, err := turns.acquire(t.Context(), "ann")
			if err != nil || !time.Now().Equal(asked) {
				t.Fatalf("another waits for %s, %v", time.Since(asked), err)
			}
			done(size / 10)
			others++
			time.Sleep(300 * time.Millisecond)
		}
		synctest.Wait()
		if want := perSecond * int(time.Since(began).Seconds()+burst); given < want-2*size || given > want+2*size {
			t.Errorf("the first was given %d bytes in %s, want about %d", given, time.Since(began), want)
		}
		time.Sleep(time.Hour)
		for i := range 5000 {
			done, err := turns.acquire(t.Context(), fmt.Sprint("u", i))
			if err != nil {
				t.Fatal(err)
			}
			done(size)
			time.Sleep(time.Second)
		}
		if n := len(turns.allowance.spent); n > 1025 {
			t.Errorf("%d users are remembered who have taken nothing for long", n)
		}
	})
}

// TestTurnsGivenUp: who gives up is not waited for, at whatever moment.
func TestTurnsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1, 0)
		done, err := turns.acquire(t.Context(), "eve")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		for _, user := range []string{"ann", "eve", "ann"} {
			go func() {
				if _, err := turns.acquire(ctx, user); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		began, end := make(chan string, 10), make(chan struct{})
		queue(t, turns, began, end, "bob")
		cancel()
		synctest.Wait()
		done(0)
		synctest.Wait()
		if got := <-began; got != "bob" {
			t.Errorf("next is %s", got)
		}
		close(end)
		synctest.Wait()
		// Its turn came in the moment in which it gave up.
		done, _ = turns.acquire(t.Context(), "eve")
		gone := make(chan struct{})
		turns.waiting["ann"], turns.order, turns.n = []chan struct{}{gone}, []string{"ann"}, 1
		done(0)
		turns.leave("ann", gone)
		if len(turns.running)+len(turns.waiting)+len(turns.order)+turns.n != 0 || turns.free != 1 {
			t.Errorf("left is %+v", turns)
		}
	})
}

// TestRequestsTakeTurns: a page, a catch-up and an edit of a user wait for each other, by the name
// that the edge says, and those of others do not.
func TestRequestsTakeTurns(t *testing.T) {
	w := open(t)
	w.say("r1", "eve", "m1", "1")
	for _, turns := range []*turns{w.reads, w.writes} {
		for range maxWaitingEach { // as many as may wait
			go func() { _, _ = turns.acquire(t.Context(), "eve") }()
		}
		w.eventually("all of them wait", func() bool {
			turns.mu.Lock()
			defer turns.mu.Unlock()
			return turns.n == maxWaitingEach-1
		})
		go func() { _, _ = turns.acquire(t.Context(), "eve") }()
		w.eventually("one more waits", func() bool {
			turns.mu.Lock()
			defer turns.mu.Unlock()
			return turns.n == maxWaitingEach
		})
	}
	for user, want := range map[string]string{"eve": chat.CodeRateLimited, "ann": ""} {
		_, page := w.api.Page(t.Context(), historyapi.PageRequest{User: user, Room: "r1"})
		_, since := w.api.Since(t.Context(), historyapi.SinceRequest{User: user, Room: "r1", Limit: 10})
		_, code := w.do(chat.Event{Type: chat.TypeReacted, Room: "r1", User: user, ID: "x", Target: "m1", Author: "eve", Emoji: "👍", On: true})
		if got := []string{chat.CodeOf(page), chat.CodeOf(since), code}; !slices.Equal(got, []string{want, want, want}) {
			t.Errorf("%s is answered %q, want %q", user, got, want)
		}
	}
}

// TestTurnsOfRequests: a request has its turn until it is answered, and its answer counts.
func TestTurnsOfRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1, 100)
		under := 0
		handle := inTurn(turns, func(string) string { return "ann" }, func(n int) int { return n }, func(context.Context, string) (int, error) {
			if under++; under > 1 {
				t.Error("two at a time")
			}
			time.Sleep(time.Second)
			under--
			return 100 * burst * 10, nil // bytes of ten bursts
		})
		began := time.Now()
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if _, err := handle(t.Context(), ""); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if took, want := time.Since(began), (9*burst+2)*time.Second; took != want {
			t.Errorf("two answers took %s, want %s", took, want)
		}
	})
}
