package wire

import (
	"math/bits"

	"hubbub.internal/libs/emoji"
)

// rules say which fields a command must have, and which it may have beside type and id.
var rules = [NumKinds]struct{ must, may fields }{
	Hello:   {set(fVersion), set(fToken, fDevice)},
	Join:    {set(fRoom), set(fAfter, fRooms)},
	Leave:   {set(fRoom), 0},
	Send:    {set(fRoom, fMsgID, fText), set(fReplyTo, fReplyAuthor, fRetry, fThread, fBroadcast)},
	Edit:    {set(fRoom, fMsgID, fTarget, fText), set(fAuthor)},
	Delete:  {set(fRoom, fMsgID, fTarget), set(fAuthor)},
	React:   {set(fRoom, fMsgID, fTarget, fEmoji, fOn), set(fAuthor)},
	Pin:     {set(fRoom, fMsgID, fTarget, fOn), set(fAuthor)},
	Typing:  {set(fRoom), 0},
	Read:    {set(fRoom, fSeq), 0},
	History: {set(fRoom), set(fBefore, fAfter, fAround, fLimit, fThread)},
	Who:     {set(fRoom), set(fNext)},
	Watch:   {set(fRoom, fOn), 0},
	Status:  {set(fStatus), 0},
	Ping:    {0, 0},
	Inbox:   {0, set(fRoom, fNext)},
	Unread:  {set(fRoom, fSeq), 0},
	Seen:    {0, set(fRoom)},
}

// check applies the rules of the command's kind and clears the fields that the kind does not name.
func (c *Command) check() error {
	if c.twice&fID.bit() != 0 || c.wrong&fID.bit() != 0 {
		c.ID = nil
	}
	if bad := c.problem(fType.bit(), fType.bit()); bad != nil {
		c.Kind = KindUnknown
		return bad
	}
	if c.Kind == KindUnknown {
		return errUnknown
	}
	if c.found&fAfter.bit() != 0 && c.object != (c.Kind == Join) {
		c.wrong |= fAfter.bit()
	}
	rule := &rules[c.Kind]
	used, must := rule.must|rule.may|set(fType, fID), rule.must
	if c.Kind == Join && c.found&fRooms.bit() != 0 {
		if c.found&set(fRoom, fAfter) != 0 {
			return errRooms
		}
		must = set(fRooms)
	}
	if bad := c.problem(used, must); bad != nil {
		if (c.wrong|c.twice)&fRoom.bit() != 0 {
			c.Room = nil
		}
		if (c.wrong|c.twice)&fMsgID.bit() != 0 {
			c.MsgID = nil
		}
		return bad
	}
	if len(c.Room) > 0 && c.Room[0] == '_' && used&fRoom.bit() != 0 {
		return errReserved
	}
	if pages := c.found & set(fBefore, fAfter, fAround); c.Kind == History && bits.OnesCount32(uint32(pages)) > 1 {
		return errPages
	}
	c.Oldest = c.Kind == History && c.found&fAfter.bit() != 0 && c.After == 0
	if c.Kind == Send && c.Broadcast && c.ThreadID == nil {
		return errBroadcast
	}
	if c.Kind == React && c.On && !emoji.Is(c.Emoji) {
		return errEmoji // an earlier release accepted it, so it may be taken back
	}
	c.HasAfter = c.Kind == Join && c.object
	if unused := c.found &^ used; unused != 0 {
		c.clear(unused)
	}
	return nil
}

// problem returns the error of the first of the used fields that has one.
func (c *Command) problem(used, must fields) error {
	bad := used&(c.twice|c.wrong) | must&^c.found
	if bad == 0 {
		return nil
	}
	f := field(bits.TrailingZeros32(uint32(bad)))
	p := &problems[c.Kind][f]
	switch bit := f.bit(); {
	case c.twice&bit != 0:
		return p.twice
	case c.wrong&bit != 0:
		return p.wrong
	}
	return p.missing
}

// clear clears the fields that the command's kind does not name.
func (c *Command) clear(unused fields) {
	for ; unused != 0; unused &= unused - 1 {
		switch field(bits.TrailingZeros32(uint32(unused))) {
		case fRoom:
			c.Room = nil
		case fMsgID:
			c.MsgID = nil
		case fReplyTo:
			c.ReplyTo = nil
		case fReplyAuthor:
			c.ReplyAuthor = nil
		case fTarget:
			c.Target = nil
		case fAuthor:
			c.Author = nil
		case fToken:
			c.Token = nil
		case fDevice:
			c.Device = nil
		case fEmoji:
			c.Emoji = nil
		case fStatus:
			c.Status = nil
		case fNext:
			c.Next = nil
		case fText:
			c.Text, c.TextLen = nil, 0
		case fBefore:
			c.Before = 0
		case fAfter:
			c.After, c.AfterID = 0, nil
		case fAround:
			c.Around = 0
		case fSeq:
			c.Seq = 0
		case fLimit:
			c.Limit = DefaultLimit
		case fVersion:
			c.Version = 0
		case fOn:
			c.On = false
		case fRetry:
			c.Retry = false
		case fRooms:
			c.Rooms = nil
		case fThread:
			c.ThreadAuthor, c.ThreadID = nil, nil
		case fBroadcast:
			c.Broadcast = false
		}
	}
}
