package edge_test

import (
	"fmt"
	"testing"
	"time"

	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/services/edge"
)

// transports makes a test run on raw sockets and on net.Conn.
func transports(t *testing.T, run func(t *testing.T, w *world, conf func(*edge.Config))) {
	for name, conf := range map[string]func(*edge.Config){
		"native":  func(*edge.Config) {},
		"netconn": func(c *edge.Config) { c.NetConn = true },
	} {
		t.Run(name, func(t *testing.T) { run(t, newWorld(t), conf) })
	}
}

// alsoTLS makes a test run as transports does, and with TLS.
func alsoTLS(t *testing.T, run func(t *testing.T, w *world, conf func(*edge.Config))) {
	transports(t, run)
	t.Run("TLS", func(t *testing.T) {
		w := newWorld(t)
		w.tls = serverTLS(t)
		run(t, w, func(*edge.Config) {})
	})
}

func TestChat(t *testing.T) { alsoTLS(t, chatting) }

func TestChatOnRedis(t *testing.T) {
	chatting(t, newWorldOn(t, bustest.Redis(t).URL()), func(*edge.Config) {})
}

func chatting(t *testing.T, w *world, conf func(*edge.Config)) {
	e := w.edge(conf)
	ann, bob := w.login(e, "ann"), w.login(e, "bob")
	head := ann.join("lobby")
	bob.join("lobby")
	seq := ann.say("lobby", "m1", "hello, \"🌍\"")
	got := bob.want("msg")
	if got.Seq != seq || got.Prev != head || got.Room != "lobby" || got.ID != "m1" || got.User != "ann" || got.Name != "Name of ann" || got.Text != "hello, \"🌍\"" {
		t.Fatalf("bob got %+v", got)
	}
	again := ann.say("lobby", "m1", "hello again")
	if again != seq {
		t.Errorf("a repeat has seq %d, the first had %d", again, seq)
	}
	next := bob.say("lobby", "m2", "two")
	if got := ann.want("msg"); got.Seq != seq {
		t.Errorf("ann got %+v of her own", got)
	}
	if got := bob.want("msg"); got.Seq != next || got.Prev != seq {
		t.Errorf("the second message is %+v", got)
	}
	bob.send(`{"type":"leave","id":"l","room":"lobby"}`)
	bob.want("ack")
	ann.say("lobby", "m3", "gone?")
	bob.send(`{"type":"ping","id":"p"}`)
	if got := bob.event(); got.Type != "ack" || got.ID != "p" {
		t.Errorf("after leave bob got %+v", got)
	}
}

// TestBusyRoom: several talk at once in a room whose news wait for more: everybody gets
// everything, in order.
func TestBusyRoom(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		e := w.edge(conf, func(c *edge.Config) { c.Coalesce = 10 * time.Millisecond })
		const people, each = 3, 100
		var all []*client
		var at []uint64
		for i := range people {
			c := w.login(e, fmt.Sprint("user", i))
			all, at = append(all, c), append(at, c.join("busy"))
		}
		for i, c := range all {
			for n := range each {
				c.send(`{"type":"send","id":"s","room":"busy","msg_id":"m%d-%d","text":"x"}`, i, n)
			}
		}
		for i, c := range all {
			for acks, got := 0, 0; acks < each || got < people*each; {
				switch ev := c.event(); ev.Type {
				case "ack":
					acks++
				case "msg":
					if got++; ev.Prev != at[i] {
						t.Fatalf("user%d got %d after %d, and was at %d", i, ev.Seq, ev.Prev, at[i])
					}
					at[i] = ev.Seq
				default:
					t.Fatalf("user%d got %+v", i, ev)
				}
			}
		}
	})
}
