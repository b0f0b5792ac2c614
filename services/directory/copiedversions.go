package directory

import (
	"context"
	"encoding/json"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/export"
)

// copyStep is how many bytes of lines make a step of a copy long enough: with what one more message
// and a page of its versions have, it is still an answer that the bus carries.
const copyStep = 256 << 10

// versionsAt is how far the versions of a message are written.
type versionsAt struct {
	Room   string `json:"room"`
	Author string `json:"author"`
	ID     string `json:"id"`
	Before uint64 `json:"before,omitempty"` // 0: none is written
}

// copyMessage adds a message and the first of its earlier versions. full: the step is to end here.
func (s *copies) copyMessage(ctx context.Context, c *copying, lines []json.RawMessage, m chat.Message) (_ []json.RawMessage, full bool, err error) {
	if lines, err = c.add(lines, export.KindMessage, m); err != nil || m.EditedTS == 0 || c.Since == chat.Forever {
		return lines, false, err
	}
	c.Versions = &versionsAt{Room: m.Room, Author: m.User, ID: m.ID}
	if lines, err = s.copyVersions(ctx, c, lines); err != nil || c.Versions != nil {
		return lines, true, err
	}
	return lines, c.size > copyStep, nil
}

// copyVersions adds the next earlier versions of a message.
func (s *copies) copyVersions(ctx context.Context, c *copying, lines []json.RawMessage) ([]json.RawMessage, error) {
	at := *c.Versions
	earlier, next, err := s.versions(ctx, at, c.Since)
	if err != nil {
		return nil, err
	}
	for _, v := range earlier {
		line := export.MessageVersion{Room: at.Room, User: at.Author, ID: at.ID, Seq: v.Seq, TS: v.TS, Text: v.Text, Lost: v.Lost}
		if lines, err = c.add(lines, export.KindVersion, line); err != nil {
			return nil, err
		}
	}
	c.Versions = next
	return lines, nil
}

// versions returns the next earlier versions of a message, and where those after them begin; nil:
// there are no more.
func (s *copies) versions(ctx context.Context, at versionsAt, since int64) ([]historyapi.Version, *versionsAt, error) {
	got, err := patiently(ctx, func() (historyapi.Versions, error) {
		return historyapi.NewClient(s.bus).Versions(ctx, historyapi.VersionsRequest{
			Room: at.Room, Author: at.Author, ID: at.ID, Before: at.Before, Limit: historyapi.MaxVersions, Since: since,
		})
	})
	if chat.CodeOf(err) == chat.CodeNotFound {
		return nil, nil, nil // it was deleted meanwhile
	}
	if err != nil || len(got.Versions) == 0 {
		return nil, nil, err
	}
	earlier := got.Versions
	if at.Before == 0 {
		earlier = earlier[1:] // the first is the present one
	}
	if !got.More {
		return earlier, nil, nil
	}
	at.Before = got.Versions[len(got.Versions)-1].Seq
	return earlier, &at, nil
}
