package edge_test

import (
	"fmt"
	"strings"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// put appends an event as its user.
func (w *world) put(e chat.Event) uint64 {
	w.t.Helper()
	data, err := chat.AppendEntry(nil, e)
	if err != nil {
		w.t.Fatal(err)
	}
	a, err := bus.Append(w.t.Context(), w.bus, bus.NewEntry{Room: e.Room, Sender: e.User, ID: e.ID, Data: data})
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Seq
}

// replay joins a room after a position, again while there is more, and returns what came, each as
// its type, id and text.
func (c *client) replay(room string, after uint64) string {
	c.t.Helper()
	var all []string
	for more := true; more; {
		c.send(`{"type":"join","id":"r","room":"%s","after":{"seq":%d}}`, room, after)
		for {
			e := c.event()
			if e.Type == wire.EventError {
				c.t.Fatalf("error %s: %s", e.Code, e.Message)
			}
			if e.Type == wire.EventJoined {
				more = e.More
				break
			}
			after = e.Seq
			if e.User != "bot" {
				all = append(all, fmt.Sprintf("%s %s=%s", e.Type, e.ID, e.Text))
			}
		}
	}
	return strings.Join(all, ", ")
}

// TestReplacedTexts: people join from before messages that were edited and deleted: nobody gets
// what stood there, from the memory of an edge, from the log, or from a log of which an answer
// carries a part, while history does not answer and has erased nothing.
func TestReplacedTexts(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) *world{
		"nats":  func(t *testing.T) *world { return newWorld(t) },
		"redis": func(t *testing.T) *world { return newWorldOn(t, bustest.Redis(t).URL()) },
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			edges := []*running{w.edge(func(c *edge.Config) { c.RingEntries = 4096 }), w.edge()}
			ann := w.login(edges[0], "ann")
			ann.join("lobby")
			say := func(user, id, text string) uint64 {
				return w.put(chat.Event{Type: chat.TypeMsg, Room: "lobby", User: user, ID: id, Text: text})
			}
			about := func(kind, user, id, target, author, text string) {
				w.put(chat.Event{Type: kind, Room: "lobby", User: user, ID: id, Target: target, Author: author, Text: text})
			}
			start := say("ann", "m0", "kept")
			say("ann", "m1", "secret 1")
			say("ann", "m2", "secret 2")
			say("eve", "m1", "eve's")
			say("eve", "m2", "eve's, too")
			about(chat.TypeEdited, "ann", "e1", "m1", "ann", "secret 3")
			about(chat.TypeEdited, "ann", "e2", "m1", "ann", "public")
			about(chat.TypeEdited, "ann", "e3", "m2", "ann", "secret 4")
			about(chat.TypeDeleted, "mod", "d1", "m2", "ann", "")
			// was checked while the message was being deleted
			about(chat.TypeEdited, "ann", "e4", "m2", "ann", "secret 5")
			for e := ann.want(chat.TypeEdited); e.ID != "e4"; e = ann.want(chat.TypeEdited) {
				continue
			}
			const want = "msg m1=public, msg m2=, msg m1=eve's, msg m2=eve's, too, edited e1=, edited e2=public, edited e3=, deleted d1=, edited e4="
			for i, from := range []string{"ring", "log"} {
				if got := w.login(edges[i], "bob").replay("lobby", start); got != want {
					t.Errorf("from the %s: %s", from, got)
				}
				if n := edges[i].count("hubbub_edge_replays_total", from); n != 1 {
					t.Errorf("%v replays from the %s", n, from)
				}
			}
			// What makes a text void stands further on than one answer goes.
			w.stream("lobby", 0, 1200, 1)
			about(chat.TypeDeleted, "eve", "d2", "m1", "eve", "")
			for i, from := range []string{"ring", "log"} {
				got := w.login(edges[i], "cy").replay("lobby", start)
				if got != strings.Replace(want, "m1=eve's", "m1=", 1)+", deleted d2=" {
					t.Errorf("from a long %s: %s", from, got)
				}
			}
		})
	}
}
