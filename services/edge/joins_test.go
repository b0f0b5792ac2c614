package edge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge"
)

// TestJoins brings a client back to 500 rooms by five messages: it gets what it missed of each
// before that room's joined, and what is said from then on. A client of an earlier release joins
// each room by a message of its own, on the same edge, and sees the same.
func TestJoins(t *testing.T) {
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		const rooms = 500
		e := w.edge(conf)
		missed := map[string]uint64{}
		for i := range rooms {
			if room := fmt.Sprint("r", i); i%10 == 0 {
				missed[room] = w.append(room, []byte("\x01"+`{"type":"msg","room":"`+room+`","id":"`+room+`","user":"far","name":"far","ts":1,"text":"missed"}`)).Seq
			}
		}
		elements := make([]string, rooms)
		for i := range elements {
			elements[i] = fmt.Sprintf(`{"id":"j%[1]d","room":"r%[1]d","after":{"seq":0}}`, i)
		}
		newer, older := w.login(e, "ann"), w.login(e, "bob")
		said := map[*client]int{}
		for some := range slices.Chunk(elements, wire.MaxJoins) {
			newer.send(`{"type":"join","rooms":[%s]}`, strings.Join(some, ","))
			said[newer]++
		}
		for _, one := range elements {
			older.send(`{"type":"join",%s`, one[1:])
			said[older]++
		}
		if said[newer] != 5 || said[older] != rooms {
			t.Errorf("said %d and %d joins", said[newer], said[older])
		}
		for _, c := range []*client{newer, older} {
			joined, before := map[string]string{}, map[string]uint64{}
			for len(joined) < rooms {
				switch e := c.event(); e.Type {
				case wire.EventJoined:
					joined[e.Room] = e.ID
					if e.More || e.Rewind || e.Seq < before[e.Room] {
						t.Errorf("%+v", e)
					}
				case "msg":
					if before[e.Room] = e.Seq; joined[e.Room] != "" {
						t.Errorf("%s comes after its room was joined", e.Room)
					}
				default:
					t.Fatalf("%+v", e)
				}
			}
			if fmt.Sprint(before) != fmt.Sprint(missed) || joined["r77"] != "j77" {
				t.Errorf("missed %v, want %v; r77 was joined by %s", before, missed, joined["r77"])
			}
		}
		newer.say("r499", "m1", "here")
		if e := older.want("msg"); e.Room != "r499" || e.ID != "m1" {
			t.Errorf("%+v", e)
		}
	})
}
