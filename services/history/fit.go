package history

import (
	"encoding/json"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

const (
	// maxReply is the size of an answer's items in bytes, so that the answer as a whole is one that the bus carries.
	maxReply = bus.MaxData - 8<<10
	// overhead is what an entry costs in an answer beside its data and names, in bytes: JSON's names and two numbers.
	overhead = 96
)

// fit returns the messages around an anchor that fit one answer, and whether any were left out: those farthest from
// the anchor. One message always fits.
func fit(all []chat.Message, anchor int) ([]chat.Message, bool, error) {
	sizes, total := make([]int, len(all)), 0
	for i, m := range all {
		b, err := json.Marshal(m)
		if err != nil {
			return nil, false, err
		}
		sizes[i] = len(b) + 1
		total += sizes[i]
	}
	from, to := 0, len(all)
	for total > maxReply && to-from > 1 {
		if anchor-from >= to-1-anchor {
			total -= sizes[from]
			from++
		} else {
			to--
			total -= sizes[to]
		}
	}
	if to-from == len(all) {
		return all, false, nil
	}
	seq := func(m chat.Message) uint64 { return m.Seq }
	from, to = min(seam(all, from, 1, seq), anchor), max(seam(all, to, -1, seq), anchor+1)
	return all[from:to], true, nil
}

// seam returns where a run that is too long for an answer is cut: at i, or, in steps of 1 or -1, at the next place that
// does not part what has one Seq. Who asks for the rest names a Seq, and would miss what was left of it. Entries have
// one Seq after a conflict only, so there is such a place but in theory; else it is i.
func seam[E any](run []E, i, step int, seq func(E) uint64) int {
	for at := i; 0 < at && at < len(run); at += step {
		if seq(run[at-1]) != seq(run[at]) {
			return at
		}
	}
	return i
}

func seqOf(e store.Entry) uint64 { return e.Seq }
