package redisbus

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"hubbub.internal/libs/bus"
)

// replayBytes is the content after which an answer is cut, even before its limit.
const replayBytes = 4 << 20

var errAnswer = errors.New("the server's answer is not what its script gives")

// Replay implements driver.Log.
func (b *Driver) Replay(ctx context.Context, room string, after bus.Position, limit int) (bus.Replayed, bool, error) {
	// A Seq above MaxSeq is beyond every log, and not exact as a double in the script.
	after.Seq = min(after.Seq, bus.MaxSeq)
	k, p := b.keys, b.keys.partition(room)
	answer, err := b.run(ctx, p, replayScript,
		[]string{k.data(p), k.room(p, room), k.heads(p), k.gone(p), k.meta(p)},
		room, after.Seq, after.ID, limit, replayBytes)
	if err != nil {
		return bus.Replayed{}, false, err
	}
	rep, err := decodeReplay(answer, room, after.Seq)
	return rep, false, err
}

func decodeReplay(answer any, room string, prev uint64) (bus.Replayed, error) {
	list, ok := answer.([]any)
	if !ok || len(list) < 4 || len(list)%2 != 0 {
		return bus.Replayed{}, errAnswer
	}
	through, ok := list[3].(int64)
	if !ok {
		return bus.Replayed{}, errAnswer
	}
	rep := bus.Replayed{
		Rewound: list[0] != "", Truncated: list[1] != "", More: list[2] != "",
		Through: uint64(through),
	}
	list = list[4:]
	if len(list) > 0 {
		rep.Entries = make([]bus.Entry, 0, len(list)/2)
	}
	for ; len(list) > 0; list = list[2:] {
		e, err := decodePair(list[0], list[1])
		if err != nil {
			return bus.Replayed{}, err
		}
		e.Room, e.Prev = room, prev
		prev = e.Seq
		rep.Entries = append(rep.Entries, e)
	}
	return rep, nil
}

// decodePair makes an entry of a Seq and a record.
func decodePair(seq, record any) (bus.Entry, error) {
	s, ok1 := seq.(string)
	r, ok2 := record.(string)
	if !ok1 || !ok2 {
		return bus.Entry{}, errAnswer
	}
	e, err := decodeRecord(r)
	if err != nil {
		return e, err
	}
	e.Seq, err = strconv.ParseUint(s, 10, 64)
	return e, err
}

// Heads implements driver.Rooms. The partitions are asked in one round trip.
func (b *Driver) Heads(ctx context.Context, rooms []string) ([]bus.Head, error) {
	indexes := make(map[int][]int) // by partition, into rooms
	for i, r := range rooms {
		p := b.keys.partition(r)
		indexes[p] = append(indexes[p], i)
	}
	var steps []step
	for p, is := range indexes {
		args := make([]any, len(is))
		for n, i := range is {
			args[n] = rooms[i]
		}
		steps = append(steps, step{p, headsScript, []string{b.keys.heads(p), b.keys.meta(p)}, args})
	}
	answers, err := b.batch(ctx, steps)
	if err != nil {
		return nil, err
	}
	heads := make([]bus.Head, len(rooms))
	for n, s := range steps {
		through, list, err := decodeHeads(answers[n], len(s.args))
		if err != nil {
			return nil, err
		}
		for m, i := range indexes[s.partition] {
			heads[i] = list[m]
			heads[i].Through = max(list[m].Seq, through)
		}
	}
	return heads, nil
}

func decodeHeads(answer any, n int) (through uint64, heads []bus.Head, err error) {
	pair, ok := answer.([]any)
	if !ok || len(pair) != 2 {
		return 0, nil, errAnswer
	}
	last, ok1 := pair[0].(int64)
	list, ok2 := pair[1].([]any)
	if !ok1 || !ok2 || len(list) != n {
		return 0, nil, errAnswer
	}
	heads = make([]bus.Head, n)
	for i, h := range list {
		if h == nil {
			continue
		}
		text, ok := h.(string)
		seq, rest, ok2 := strings.Cut(text, ":")
		id, trimmed, ok3 := strings.Cut(rest, ":")
		if !ok || !ok2 || !ok3 {
			return 0, nil, errAnswer
		}
		if heads[i].Seq, err = strconv.ParseUint(seq, 10, 64); err != nil {
			return 0, nil, err
		}
		if trimmed != "" {
			if heads[i].Front, err = strconv.ParseUint(trimmed, 10, 64); err != nil {
				return 0, nil, err
			}
		}
		heads[i].ID = id
	}
	return uint64(last), heads, nil
}
