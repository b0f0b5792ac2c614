package wire

import (
	"errors"
	"strings"

	"hubbub.internal/libs/chat"
)

// Outside is the part of a command over HTTP that is not in its body: its method and path say it.
type Outside struct {
	Kind Kind
	Room []byte
	// Target and Author are set for a command about a message.
	Target, Author []byte
	Emoji          []byte // of a reaction, else nil
	On             bool   // of a reaction or a pin
	// MsgID names the command if the body does not: then nobody can repeat it.
	MsgID []byte
}

// DecodeBody is Decode for the body of a request over HTTP: an object with the command's fields
// except those of Outside, which it ignores. A send with a msg_id counts as a possible repeat,
// unless it says that it is none (retry: false). An empty body is an object without fields.
func (c *Command) DecodeBody(body []byte, out Outside) error {
	err := c.decodeBody(body, out)
	if e, ok := errors.AsType[*chat.Error](err); ok {
		err = chat.E(e.Code, strings.Replace(e.Message, "the frame", "the body", 1))
	}
	return err
}

func (c *Command) decodeBody(body []byte, out Outside) error {
	*c = Command{Limit: DefaultLimit}
	if len(body) > 0 {
		if err := c.whole(body); err != nil {
			return err
		}
	}
	c.ID, c.Rooms = nil, nil
	c.give(fType, true)
	c.give(fID, true)
	c.Kind = out.Kind
	c.Room = out.Room
	c.give(fRoom, isID(out.Room))
	if out.Target != nil {
		c.Target, c.Author = out.Target, out.Author
		c.give(fTarget, isID(out.Target))
		c.give(fAuthor, isID(out.Author))
	}
	if out.Emoji != nil {
		c.Emoji = out.Emoji
		c.give(fEmoji, len(out.Emoji) > 0 && len(out.Emoji) <= MaxEmoji && noControls(out.Emoji))
	}
	if out.Kind == React || out.Kind == Pin {
		c.On = out.On
		c.give(fOn, true)
	}
	if c.found&fMsgID.bit() == 0 && c.wrong&fMsgID.bit() == 0 {
		c.MsgID = out.MsgID
		c.give(fMsgID, true)
	} else if c.Kind == Send && c.found&fRetry.bit() == 0 {
		c.Retry = true
	}
	return c.judge()
}

// give records that a field was found, with a good or a wrong value.
func (c *Command) give(f field, good bool) {
	c.found |= f.bit()
	c.twice &^= f.bit()
	c.wrong &^= f.bit()
	if !good {
		c.wrong |= f.bit()
	}
}
