package edge_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// stayAlive makes a client send something every now and then, in the place of answers to pings.
func (c *client) stayAlive() {
	ctx := c.t.Context()
	ping := text(`{"type":"ping"}`)
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if _, err := c.conn.Write(ping); err != nil {
					return
				}
			}
		}
	})
	c.t.Cleanup(done.Wait)
}

// TestSessionEndsUntold: tokens run out while sockets are open: the edge asks whether the
// sessions go on, again each time that a token would have lasted, and closes the sockets of those
// that do not.
func TestSessionEndsUntold(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, func(c *edge.Config) { c.Ping, c.Idle = 100*time.Millisecond, time.Minute })
		life := func(d time.Duration) func(*auth.Claims) {
			return func(c *auth.Claims) { c.Issued, c.Expires = time.Now(), time.Now().Add(d) }
		}
		ann := w.login(e, "ann", life(time.Second))
		bob := w.login(e, "bob", life(time.Second))
		eve := w.login(e, "eve", life(time.Hour))
		for _, c := range []*client{ann, bob, eve} {
			c.stayAlive()
		}

		// Nobody answers: the sockets stay, and the edge goes on asking.
		asked := map[string]int{}
		ended := []string{}
		away := true
		serve(w, directory.ServiceSessions, func(r directory.SessionsRequest) (reply directory.SessionsReply, err error) {
			for i, s := range r.Sessions {
				if s.ID != "s-"+s.User {
					t.Errorf("asked about session %q of %q", s.ID, s.User)
				}
				asked[s.User]++
				if slices.Contains(ended, s.User) {
					reply.Ended = append(reply.Ended, i)
				}
			}
			if away {
				err = errors.New("the store does not answer")
			}
			return reply, err
		})
		count := func(user string) int {
			w.mu.Lock()
			defer w.mu.Unlock()
			return asked[user]
		}
		eventually(t, "the edge asks again and again", func() bool { return count("ann") > 1 && count("bob") > 1 })
		w.mu.Lock()
		away = false
		ended = append(ended, "ann")
		w.mu.Unlock()
		ann.wantClose(wire.CloseRevoked)

		// Bob's goes on, and is asked about once in each life of a token.
		n := count("bob")
		eventually(t, "the edge asks about bob in time", func() bool { return count("bob") > n })
		w.mu.Lock()
		ended = append(ended, "bob", "eve")
		w.mu.Unlock()
		bob.wantClose(wire.CloseRevoked)
		if n := count("eve"); n != 0 {
			t.Errorf("asked %d times about a session whose token is good", n)
		}
		eve.send(`{"type":"ping","id":"1"}`)
		eve.want("ack")
	})
}
