package history

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/chat"
)

// ServiceImport answers ImportRequest with ImportReply.
const ServiceImport = "history.import"

// MaxImport is how many entries an ImportRequest has at most.
const MaxImport = 500

// ImportRequest asks history to see to it that messages of another product's export, and the
// reactions to them and pins of them, are in the record of a room. Each has its Imported; ids
// follow from those of the export, so asking again adds nothing. A reaction and a pin come after
// their message.
type ImportRequest struct {
	Room   string       `json:"room"`
	Events []chat.Event `json:"events"`          // at most MaxImport, in order
	Check  bool         `json:"check,omitempty"` // nothing is added
}

// ImportReply says how many of the entries the record had already, and how many it has now that it
// did not have before. Without Check that is all of them.
type ImportReply struct {
	Known int `json:"known"`
	Added int `json:"added"`
}

// Import adds entries of an export to the record of a room. chat.CodeConflict: the room has entries
// that are not imported, and some of these would come after them; or an entry is there as another
// user's; or the room was deleted.
func (c *Client) Import(ctx context.Context, r ImportRequest) (ImportReply, error) {
	return api.Call[ImportRequest, ImportReply](ctx, c.rpc, ServiceImport, r)
}
