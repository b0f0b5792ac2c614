package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/chat"
)

// TestDepartedAreAskedOnce: of each user the directory is asked once, of many some at a time, until
// a change may have made the answer another; and after a failure not at once again.
func TestDepartedAreAskedOnce(t *testing.T) {
	b := openBus(t)
	hooked := make(chan Change, 10)
	c, _ := start(t, b, func(ch Change) { hooked <- ch })
	var mu sync.Mutex
	gone, asked, largest := map[string]bool{}, 0, 0
	var failure error
	sub, err := api.Handle(t.Context(), b, ServiceDeparted, nil, func(_ context.Context, r DepartedRequest) (reply DepartedReply, _ error) {
		mu.Lock()
		defer mu.Unlock()
		asked, largest = asked+len(r.Users), max(largest, len(r.Users))
		for _, user := range r.Users {
			if gone[user] {
				reply.Departed = append(reply.Departed, user)
			}
		}
		return reply, failure
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Stop()
	const all = 2*MaxDeparted + 1
	unnamed := func() (n int) {
		c.Unnamed(t.Context(), all, func(i int) (string, []byte) {
			user := fmt.Sprint("user", i)
			data, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeMsg, User: user, Name: "Ann", ID: "m"})
			if err != nil {
				t.Fatal(err)
			}
			return user, data
		}, func(i int, data []byte) {
			if n++; !strings.Contains(string(data), chat.DeletedName) || !gone[fmt.Sprint("user", i)] {
				t.Errorf("%d is now %s", i, data)
			}
		})
		return n
	}
	set := func(user string, session string) {
		mu.Lock()
		gone[user] = true
		asked = 0
		mu.Unlock()
		publish(t, b, Change{Kind: ChangeUser, User: user, Session: session, At: 1})
		<-hooked
	}
	if n := unnamed(); n != 0 || asked != all || largest != MaxDeparted {
		t.Errorf("at first: %d gone, asked about %d, %d at once", n, asked, largest)
	}
	set("user7", "")
	if n := unnamed() + unnamed(); n != 2 || asked != 1 {
		t.Errorf("one is gone: %d, asked about %d", n, asked)
	}
	set("user8", "a session")
	if n := unnamed(); n != 1 || asked != 0 {
		t.Errorf("the end of a session: %d, asked about %d", n, asked)
	}
	failure = errors.New("the store is down")
	set("user9", "")
	if n := unnamed() + unnamed(); n != 2 || asked != 1 {
		t.Errorf("while the directory fails: %d, asked about %d", n, asked)
	}
	mu.Lock()
	failure = nil
	mu.Unlock()
	c.departures.failed(c.started.Add(-departedPause)) // the pause is over
	if n := unnamed(); n != 2 || asked != 2 {
		t.Errorf("later: %d, asked about %d", n, asked)
	}
	c.reset()
	asked = 0
	if n := unnamed(); n != 3 || asked != all {
		t.Errorf("when changes may have been lost: %d, asked about %d", n, asked)
	}
}
