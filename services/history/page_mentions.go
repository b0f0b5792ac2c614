package history

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"hubbub.internal/libs/mentions"
	"hubbub.internal/services/history/store"
)

// addMentions adds to messages of a page, found in order and encoded, whom they mention. Most pages
// mention nobody.
func (r *record) addMentions(ctx context.Context, found []store.Entry, all []shown) error {
	may := func(m shown) bool { return !m.gone && mentions.May(m.json) }
	first := slices.IndexFunc(all, may)
	if first < 0 {
		return nil
	}
	stored, err := r.shownMentions(ctx, found, all, first, may)
	if err != nil || len(stored) == 0 {
		return err
	}
	type name struct {
		seq    uint64
		sender string
	}
	lists := make(map[name]store.Mentions, len(stored))
	for _, m := range stored {
		lists[name{m.Seq, m.Sender}] = m
	}
	for i, e := range found {
		m := lists[name{e.Seq, e.Sender}]
		if len(m.Visible) == 0 || !may(all[i]) {
			continue
		}
		b, err := json.Marshal(struct {
			Mentions []string `json:"mentions"`
			Names    []string `json:"mention_names,omitempty"`
		}{m.Visible, m.Names})
		if err != nil {
			return fmt.Errorf("encode mentions: %w", err)
		}
		all[i].json = slices.Concat(all[i].json[:len(all[i].json)-1], []byte{','}, b[1:])
	}
	return nil
}
