package protocol

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/rooms"
)

// forget makes the edge ask again what a user may do in a room.
func (r *rig) forget(user, room string) {
	r.t.Helper()
	r.permit("x", "x", member, directory.Change{Kind: directory.ChangeAccess, Access: member, User: user, Room: room})
	if _, known := r.hub.sess.Access.Cached(user, room); known {
		r.t.Fatal("the permission is known")
	}
}

// know tells the edge what a user may do in a room.
func (r *rig) know(user, room string) {
	r.t.Helper()
	if _, err := r.hub.sess.Access.Access(r.t.Context(), user, room); err != nil {
		r.t.Fatal(err)
	}
}

// stages are the places in which a join of the lobby with the id j may wait until the loops turn.
// Others that are under way have ids that begin with o.
var stages = map[string]func(r *rig, ann, bob *client){
	"its permission is asked for": func(r *rig, ann, bob *client) {
		r.forget("ann", "lobby")
		ann.write(`{"type":"join","id":"j","room":"lobby"}`)
	},
	"the room is not followed yet": func(r *rig, ann, bob *client) {
		ann.write(`{"type":"join","id":"j","room":"lobby"}`)
	},
	"what was missed is read": func(r *rig, ann, bob *client) {
		r.message("lobby", "m0")
		bob.enter("lobby")
		ann.write(`{"type":"join","id":"j","room":"lobby","after":{"seq":0}}`)
	},
	"it was live and what was missed is read": func(r *rig, ann, bob *client) {
		r.message("lobby", "m0")
		ann.enter("lobby")
		ann.write(`{"type":"join","id":"j","room":"lobby","after":{"seq":0}}`)
	},
	"it is parked": func(r *rig, ann, bob *client) {
		for i := range rooms.MaxReplays {
			r.message(fmt.Sprint("room", i), "m0")
			bob.enter(fmt.Sprint("room", i))
			r.know("ann", fmt.Sprint("room", i))
		}
		for i := range rooms.MaxReplays {
			ann.write(`{"type":"join","id":"o%d","room":"room%d","after":{"seq":0}}`, i, i)
		}
		ann.write(`{"type":"join","id":"j","room":"lobby","after":{"seq":0}}`)
		if ann.s.rooms.Probe().Parked(ann.slot) != 1 {
			r.t.Fatal("it is not parked")
		}
	},
}

// TestLeaveWhileJoining: whatever a join waits for when its room is left, or its user is thrown out
// of it, it gets one reply, an error, before the ack of the leave; and nothing comes of it later. A
// join behind the leave is carried out.
func TestLeaveWhileJoining(t *testing.T) {
	for stage, reach := range stages {
		for end, code := range map[string]string{"left": chat.CodeNotJoined, "left and joined again": chat.CodeNotJoined, "thrown out": chat.CodeForbidden} {
			t.Run(stage+"/"+end, func(t *testing.T) {
				rigged(t, 1, func(r *rig) {
					ann, bob := r.login("ann"), r.login("bob")
					r.know("ann", "lobby")
					reach(r, ann, bob)
					if end == "thrown out" {
						ann.s.changed(directory.Change{Kind: directory.ChangeAccess, User: "ann", Room: "lobby"})
					} else {
						ann.write(`{"type":"leave","id":"l","room":"lobby"}`)
					}
					if end == "left and joined again" {
						ann.write(`{"type":"join","id":"k","room":"lobby"}`)
					}
					r.settle()
					r.message("lobby", "m1")
					var got []string
					for _, f := range ann.all() {
						switch {
						case f.Type == "notice", f.ID != "" && f.ID[0] == 'o', f.ID == "m0" && f.Room != "lobby":
						case f.Type == "error":
							got = append(got, fmt.Sprint(f.ID, " ", f.Code))
						default:
							got = append(got, f.ID+" "+f.Type)
						}
					}
					want := []string{"j " + code}
					if end != "thrown out" {
						want = append(want, "l ack")
					}
					if end == "left and joined again" {
						want = append(want, "k joined", "m1 msg")
					}
					if !slices.Equal(got, want) {
						t.Errorf("told %v, want %v", got, want)
					}
				})
			})
		}
	}
}

// TestLeaveLetsOthersGoOn: a join that is parked behind others is carried out when the rooms of
// those are left, or their user is thrown out of them.
func TestLeaveLetsOthersGoOn(t *testing.T) {
	for _, expelled := range []bool{false, true} {
		rigged(t, 1, func(r *rig) {
			ann, bob := r.login("ann"), r.login("bob")
			r.know("ann", "lobby")
			stages["it is parked"](r, ann, bob)
			for i := range rooms.MaxReplays {
				if room := fmt.Sprint("room", i); expelled {
					ann.s.changed(directory.Change{Kind: directory.ChangeAccess, User: "ann", Room: room})
				} else {
					ann.write(`{"type":"leave","id":"l%d","room":%q}`, i, room)
				}
			}
			r.settle()
			joined := 0
			for _, f := range ann.all() {
				if f.Type == "joined" {
					joined++
				}
			}
			if id := ann.s.rooms.Probe().Find(ann.slot, rooms.Log, "lobby"); joined != 1 || id == fanout.None {
				t.Errorf("thrown out: %v; told of %d rooms that they are joined", expelled, joined)
			}
		})
	}
}

// TestWatchTurnedOffAtOnce: a watch whose permission is asked for when it is turned off again, or
// when its user is thrown out of the room, is answered once, and stays off.
func TestWatchTurnedOffAtOnce(t *testing.T) {
	for name, kicked := range map[string]bool{"turned off": false, "thrown out": true} {
		for stage, known := range map[string]bool{"asked for": false, "not followed": true} {
			t.Run(name+"/"+stage, func(t *testing.T) {
				rigged(t, 1, func(r *rig) {
					ann := r.login("ann")
					if known {
						r.know("ann", "lobby")
					}
					ann.write(`{"type":"watch","id":"w","room":"lobby","on":true}`)
					want := map[string]string{"w": "ack", "x": "ack"}
					if kicked {
						want = map[string]string{"w": "error"}
						ann.s.changed(directory.Change{Kind: directory.ChangeAccess, User: "ann", Room: "lobby"})
					} else {
						ann.write(`{"type":"watch","id":"x","room":"lobby","on":false}`)
					}
					r.settle()
					answers := map[string]string{}
					for _, f := range ann.all() {
						if f.ID != "" {
							answers[f.ID] += f.Type
						}
					}
					if fmt.Sprint(answers) != fmt.Sprint(want) {
						t.Errorf("answered with %v, want %v", answers, want)
					}
					if ann.s.rooms.Probe().Watches(ann.slot) != 0 || ann.s.fan.First(ann.slot) != fanout.None {
						t.Error("the room is watched")
					}
				})
			})
		}
	}
}

// TestReviewWhileJoining: an answer from before the room changed, which comes to the loop after the
// change, lets nobody stay in.
func TestReviewWhileJoining(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.write(`{"type":"join","id":"j","room":"lobby"}`)
		ann.write(`{"type":"watch","id":"w","room":"lobby","on":true}`)
		synctest.Wait() // the answers are in the mailbox
		r.mu.Lock()
		r.access[[2]string{"ann", "lobby"}] = directory.Access{}
		r.mu.Unlock()
		data, err := directory.EncodeChange(directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bus.Append(r.t.Context(), r.bus, bus.NewEntry{Room: chat.ControlRoom, Sender: "directory", ID: "c", Data: data}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := ann.s.conn.Probe().Posts(); n != 3 {
			t.Fatalf("%d posts in the mailbox", n)
		}
		ann.s.conn.Probe().ReversePosts()
		r.settle()
		if p := ann.s.rooms.Probe(); p.Rooms(ann.slot) != 0 || p.Watches(ann.slot) != 0 || ann.s.fan.First(ann.slot) != fanout.None {
			t.Error("in the room")
		}
	})
}

// TestPipelined: a client joins, leaves and watches without waiting for answers, in any order,
// while permissions are forgotten and the loops turn when they like: each command is answered once,
// and in the end the last one of each room holds.
func TestPipelined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) {
			withRig(rt, 1, func(*Options) {}, func(r *rig) {
				names := []string{"a", "b"}
				for _, room := range names {
					r.message(room, "m0")
				}
				ann := r.login("ann")
				in, on := map[string]bool{}, map[string]bool{}
				answers := map[string]int{}
				leaves := map[int]string{} // rooms
				id := 0
				for range rapid.IntRange(5, 40).Draw(rt, "steps") {
					room := rapid.SampledFrom(names).Draw(rt, "room")
					id++
					switch op := rapid.SampledFrom([]string{"join", "join", "after", "leave", "leave", "watch", "unwatch", "forget", "turn", "settle"}).Draw(rt, "op"); op {
					case "join", "after":
						after := ""
						if op == "after" {
							after = `,"after":{"seq":0}`
						}
						ann.write(`{"type":"join","id":"%d","room":%q%s}`, id, room, after)
						in[room], answers[fmt.Sprint(id)] = true, 0
					case "leave":
						ann.write(`{"type":"leave","id":"%d","room":%q}`, id, room)
						in[room], answers[fmt.Sprint(id)], leaves[id] = false, 0, room
					case "watch", "unwatch":
						ann.write(`{"type":"watch","id":"%d","room":%q,"on":%t}`, id, room, op == "watch")
						on[room], answers[fmt.Sprint(id)] = op == "watch", 0
					case "forget":
						r.permit("x", "x", member, directory.Change{Kind: directory.ChangeAccess, Access: member, User: "ann", Room: room})
					case "turn":
						ann.s.conn.Turn()
						synctest.Wait()
					case "settle":
						r.settle()
					}
				}
				r.settle()
				left := map[string]int{} // by room: the last leave that was acknowledged
				for _, f := range ann.all() {
					if _, asked := answers[f.ID]; !asked {
						continue
					}
					answers[f.ID]++
					n, err := strconv.Atoi(f.ID)
					if err != nil {
						rt.Fatal(err)
					}
					if room, leave := leaves[n]; leave {
						left[room] = n
					}
					if f.Type == "joined" && n < left[f.Room] {
						rt.Errorf("join %d is carried out after leave %d", n, left[f.Room])
					}
				}
				for id, n := range answers {
					if n != 1 {
						rt.Errorf("%s is answered %d times", id, n)
					}
				}
				for _, room := range names {
					id := ann.s.rooms.Probe().Find(ann.slot, rooms.Log, room)
					if is := id != fanout.None && ann.s.fan.Listening(id); is != in[room] {
						rt.Errorf("in %s: %t", room, is)
					}
					id = ann.s.rooms.Probe().Find(ann.slot, rooms.Presence, room)
					if is := id != fanout.None && ann.s.fan.Listening(id); is != on[room] {
						rt.Errorf("%s is watched: %t", room, is)
					}
				}
			})
		})
	})
}
