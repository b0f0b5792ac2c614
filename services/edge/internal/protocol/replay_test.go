package protocol

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/rooms"
)

// replays is a bus of which a test says what it replays.
type replays struct {
	bus.Interface
	replay func(room string, after bus.Position, limit int) (bus.Replayed, error)
}

func (b replays) Replay(_ context.Context, room string, after bus.Position, limit int) (bus.Replayed, error) {
	return b.replay(room, after, limit)
}

// entries are messages of the room at these places.
func entriesAt(size int, seqs ...uint64) (all []bus.Entry) {
	for i, seq := range seqs {
		prev := seq - 1
		if i > 0 {
			prev = seqs[i-1]
		}
		all = append(all, entry("lobby", seq, prev, size))
	}
	return all
}

// recorded are the same of the record.
func recordedAt(seqs ...uint64) (all []history.Entry) {
	for _, e := range entriesAt(1, seqs...) {
		all = append(all, history.Entry{Seq: e.Seq, Prev: e.Prev, User: e.Sender, ID: e.ID, Data: e.Data})
	}
	return all
}

// TestWhereAReplayComesFrom: what the log has comes from the log; what it does not have any more,
// or has more of than one page, comes from the record, as far as that knows more.
func TestWhereAReplayComesFrom(t *testing.T) {
	away := errors.New("away")
	for name, tt := range map[string]struct {
		room         string
		log          bus.Replayed
		record       history.Since
		recordErr    error
		want         rooms.Replayed // Frames are not looked at
		asks, fails  bool
		first, frame string // what stands in the frames
	}{
		"all of it": {log: bus.Replayed{Entries: entriesAt(1, 5, 9), Through: 12}, want: rooms.Replayed{Last: 9, Through: 12, Source: "log"}, frame: `"seq":9,"prev":5`},
		"none":      {log: bus.Replayed{Through: 7}, want: rooms.Replayed{Through: 7, Source: "log"}},
		"rewound":   {log: bus.Replayed{Rewound: true, Through: 7}, want: rooms.Replayed{Rewound: true, Source: "rewound"}},
		"truncated": {
			log: bus.Replayed{Entries: entriesAt(1, 9), Truncated: true, Through: 9}, record: history.Since{Entries: recordedAt(5, 9), Through: 9, More: true},
			asks: true, want: rooms.Replayed{Last: 9, Through: 9, More: true, Source: "history"}, frame: `"seq":9,"prev":5`,
		},
		"truncated, and the record knows of a rewind": {
			log: bus.Replayed{Truncated: true, Through: 9}, record: history.Since{Rewound: true}, asks: true, want: rooms.Replayed{Rewound: true, Source: "rewound"},
		},
		"truncated, and the record is away": {log: bus.Replayed{Truncated: true, Through: 9}, recordErr: away, asks: true, fails: true},
		"truncated, of one's own room": {
			room: "u-ann", log: bus.Replayed{Truncated: true, Through: 9}, record: history.Since{Through: 9}, asks: true, want: rooms.Replayed{Through: 9, Source: "history"},
		},
		"more, and the record has all": {
			log: bus.Replayed{Entries: entriesAt(1, 5, 9), Through: 9, More: true}, record: history.Since{Entries: recordedAt(5, 9), Through: 9},
			asks: true, want: rooms.Replayed{Last: 9, Through: 9, Source: "history"},
		},
		"more, and the record has a page": {
			log: bus.Replayed{Entries: entriesAt(1, 5, 9), Through: 9, More: true}, record: history.Since{Entries: recordedAt(5), Through: 5, More: true},
			asks: true, want: rooms.Replayed{Last: 5, Through: 5, More: true, Source: "history"},
		},
		"more, and the record is behind": {
			log: bus.Replayed{Entries: entriesAt(1, 5, 9), Through: 9, More: true}, record: history.Since{Entries: recordedAt(5), Through: 8},
			asks: true, want: rooms.Replayed{Last: 9, Through: 9, More: true, Source: "log"},
		},
		"more, and the record takes it for another log": {
			log: bus.Replayed{Entries: entriesAt(1, 5, 9), Through: 9, More: true}, record: history.Since{Rewound: true, Through: 9},
			asks: true, want: rooms.Replayed{Last: 9, Through: 9, More: true, Source: "log"},
		},
		"more, and the record is away": {
			log: bus.Replayed{Entries: entriesAt(1, 5, 9), Through: 9, More: true}, recordErr: away,
			asks: true, want: rooms.Replayed{Last: 9, Through: 9, More: true, Source: "log"},
		},
		"more of one's own room": {
			room: "u-ann", log: bus.Replayed{Entries: entriesAt(1, 5, 9), Through: 9, More: true}, want: rooms.Replayed{Last: 9, Through: 9, More: true, Source: "log"},
		},
		"more than one answer holds": {
			log: bus.Replayed{Entries: entriesAt(400<<10, 5, 9, 13, 17), Through: 20}, want: rooms.Replayed{Last: 9, Through: 9, More: true, Source: "log"},
		},
		"one that is more than an answer holds": {
			log: bus.Replayed{Entries: entriesAt(1100<<10, 5), Through: 20}, want: rooms.Replayed{Last: 5, Through: 20, Source: "log"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rigged(t, 1, func(r *rig) {
				room := "lobby"
				if tt.room != "" {
					room = tt.room
				}
				var asked []history.SinceRequest
				r.since = func(q history.SinceRequest) (history.Since, error) {
					asked = append(asked, q)
					return tt.record, tt.recordErr
				}
				r.hub.rooms.Bus = replays{r.hub.rooms.Bus, func(name string, after bus.Position, limit int) (bus.Replayed, error) {
					if after.Seq != 3 { // the rest, which is looked through for edits
						return bus.Replayed{Through: after.Seq}, nil
					}
					if name != room || after != (bus.Position{Seq: 3, ID: "m3"}) || limit != rooms.MaxReplay {
						t.Errorf("the log was asked for %d of %s after %+v", limit, name, after)
					}
					return tt.log, nil
				}}
				got, err := r.hub.rooms.Replayer("ann", room, bus.Position{Seq: 3, ID: "m3"})(r.t.Context())
				frames := string(got.Frames)
				if got.Frames = nil; (err != nil) != tt.fails || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", tt.want) {
					t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
				}
				if !strings.Contains(frames, tt.frame) {
					t.Errorf("%q is not in %.300s", tt.frame, frames)
				}
				want := history.SinceRequest{User: "ann", Room: room, After: 3, ID: "m3", Limit: rooms.MaxReplay}
				if (len(asked) == 1 && asked[0] == want) != tt.asks || len(asked) > 1 {
					t.Errorf("the record was asked %+v", asked)
				}
			})
		})
	}
}

// TestReplayAcrossPages: of what is replayed from the log an edit counts that stands pages behind
// it, and what cannot be looked through to its end is not given out.
func TestReplayAcrossPages(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		r.since = func(history.SinceRequest) (history.Since, error) { return history.Since{}, errors.New("away") }
		edit, err := chat.AppendEntry(nil, chat.Event{Type: chat.TypeEdited, Room: "lobby", ID: "e", User: "u", Target: "m5", Author: "u", Text: "corrected"})
		if err != nil {
			t.Fatal(err)
		}
		var fail error
		endless, pages := false, 0
		r.hub.rooms.Bus = replays{r.hub.rooms.Bus, func(_ string, after bus.Position, _ int) (bus.Replayed, error) {
			switch {
			case after.Seq == 3:
				return bus.Replayed{Entries: entriesAt(1, 5), Through: 5, More: true}, nil
			case fail != nil:
				return bus.Replayed{}, fail
			case after == bus.Position{Seq: 5, ID: "m5"}:
				return bus.Replayed{Entries: entriesAt(1, 6), Through: 6, More: true}, nil
			case endless:
				pages++
				all := make([]uint64, 1000)
				for i := range all {
					all[i] = after.Seq + 1 + uint64(i)
				}
				return bus.Replayed{Entries: entriesAt(1, all...), Through: all[999], More: true}, nil
			case after == bus.Position{Seq: 6, ID: "m6"}:
				return bus.Replayed{Entries: []bus.Entry{{Room: "lobby", Seq: 7, Prev: 6, Sender: "u", ID: "e", Data: edit}}, Through: 7}, nil
			}
			t.Errorf("the log was asked for what stands after %+v", after)
			return bus.Replayed{}, nil
		}}
		replay := r.hub.rooms.Replayer("ann", "lobby", bus.Position{Seq: 3, ID: "m3"})
		if got, err := replay(r.t.Context()); err != nil || !strings.Contains(string(got.Frames), "corrected") || got.Last != 5 || !got.More {
			t.Errorf("%+v, %v", got, err)
		}
		fail = errors.New("away")
		if _, err := replay(r.t.Context()); !errors.Is(err, fail) {
			t.Errorf("with a page that cannot be read: %v", err)
		}
		fail, endless = nil, true
		if _, err := replay(r.t.Context()); chat.CodeOf(err) != chat.CodeUnavailable {
			t.Errorf("of a log without an end: %v", err)
		}
		if pages > 60 {
			t.Errorf("%d pages of it were read", pages)
		}
	})
}

// TestReplayOfAnOddLog: a log that says that there is more, and has nothing, is taken to have
// ended.
func TestReplayOfAnOddLog(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		r.since = func(history.SinceRequest) (history.Since, error) { return history.Since{}, errors.New("away") }
		r.hub.rooms.Bus = replays{r.hub.rooms.Bus, func(_ string, after bus.Position, _ int) (bus.Replayed, error) {
			if after.Seq == 3 {
				return bus.Replayed{Entries: entriesAt(1, 5), Through: 5, More: true}, nil
			}
			return bus.Replayed{Through: 5, More: true}, nil
		}}
		if got, err := r.hub.rooms.Replayer("ann", "lobby", bus.Position{Seq: 3})(r.t.Context()); err != nil || got.Last != 5 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
