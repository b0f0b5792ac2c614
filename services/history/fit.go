package history

import (
	"hubbub.internal/libs/bus"
	"hubbub.internal/services/history/store"
)

const (
	// maxReply is the size of an answer's items in bytes, so that the answer as a whole is one that
	// the bus carries.
	maxReply = bus.MaxData - maxActsSize - maxEventsSize - 8<<10
	// overhead is what an entry costs in an answer beside its data and names, in bytes: JSON's
	// names and two numbers.
	overhead = 96
)

// fit returns which of the messages around an anchor fit a page, from and to: those farthest from
// the anchor are left out. One message always fits.
func fit(all []shown, anchor int) (from, to int) {
	total := 0
	for _, m := range all {
		total += len(m.json) + 1
	}
	from, to = 0, len(all)
	for total > store.PageBytes && to-from > 1 {
		if anchor-from >= to-1-anchor {
			total -= len(all[from].json) + 1
			from++
		} else {
			to--
			total -= len(all[to].json) + 1
		}
	}
	if to-from == len(all) {
		return from, to
	}
	seq := func(m shown) uint64 { return m.seq }
	return min(safeCut(all, from, 1, seq), anchor), max(safeCut(all, to, -1, seq), anchor+1)
}

// safeCut returns where a run that is too long for an answer is cut: at i, or, in steps of 1 or -1,
// at the next place that does not part what has one Seq. Who asks for the rest names a Seq, and
// would miss what was left of it. Entries have one Seq after a conflict only, so there is such a
// place but in theory; else it is i.
func safeCut[E any](run []E, i, step int, seq func(E) uint64) int {
	for at := i; 0 < at && at < len(run); at += step {
		if seq(run[at-1]) != seq(run[at]) {
			return at
		}
	}
	return i
}

func seqOf(e store.Entry) uint64 { return e.Seq }
