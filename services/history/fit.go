package history

import (
	"encoding/json"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
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
	return all[from:to], to-from < len(all), nil
}
