// Package attention is what a person has chosen to be told of while away: how much of each room,
// which words, and when not. A person's preferences hold them as the value "notify"; the directory
// checks them when they are put, and notify acts on them.
//
// It knows no room, no message and no store.
package attention

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // where the system has no time zones
	"unicode/utf8"

	"hubbub.internal/libs/chat"
)

// Key is the value of a person's preferences that is Choices, and Muted the one that has the ids of
// muted rooms.
const (
	Key   = "notify"
	Muted = "muted"
)

// Bounds of Choices.
const (
	MaxRooms   = 1000
	MaxWords   = 30
	MaxWordLen = 64 // characters
)

const dayMinutes = 24 * 60

// Level is how much of a room a person is told.
type Level string

// The levels.
const (
	Everything Level = "everything"
	Mentions   Level = "mentions" // and words
	Nothing    Level = "nothing"
)

func (l Level) valid() bool { return l == "" || l == Everything || l == Mentions || l == Nothing }

// Frequency is how often a person is written a digest by mail at most.
type Frequency string

// The frequencies.
const (
	Never  Frequency = "never"
	Hourly Frequency = "hourly"
	Daily  Frequency = "daily"
	Weekly Frequency = "weekly"
)

// Period returns the least time between two digests; 0: there are none.
func (f Frequency) Period() time.Duration {
	switch f {
	case Hourly:
		return time.Hour
	case Daily:
		return 24 * time.Hour
	case Weekly:
		return 7 * 24 * time.Hour
	default:
		return 0
	}
}

// Choices are a person's.
type Choices struct {
	// Level holds for rooms that Rooms does not have; empty: Mentions. Direct messages are told
	// unless it is Nothing.
	Level Level            `json:"level,omitempty"`
	Rooms map[string]Level `json:"rooms,omitempty"`
	// a message with one of them is told as a mention is
	Words []string `json:"words,omitempty"`
	Quiet *Quiet   `json:"quiet,omitempty"`
	// Paused is until when nothing is told, in UTC milliseconds.
	Paused int64 `json:"paused,omitempty"`
	// Mail is how often there may be a digest by mail; empty: as the server has it.
	Mail Frequency `json:"mail,omitempty"`

	muted map[string]bool
}

// Quiet are the hours of each day in which nothing is told, in minutes since midnight of a time
// zone (IANA). Hours that begin after they end go on past midnight.
type Quiet struct {
	From int    `json:"from"`
	To   int    `json:"to"`
	Zone string `json:"zone"`
}

// errForm says that choices are not of their form.
var errForm = errors.New("notify has to be an object with level, rooms, words, quiet, paused and mail, as /v1/directory/docs says")

// Parse returns the choices that the preferences of a person, a JSON object, hold. An error says
// what is wrong with them, for the person's client.
func Parse(preferences []byte) (Choices, error) {
	var c Choices
	if len(preferences) == 0 {
		return c, nil
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(preferences, &all); err != nil {
		return c, errForm
	}
	if raw, ok := all[Key]; ok {
		if err := json.Unmarshal(raw, &c); err != nil {
			return Choices{}, errForm
		}
	}
	var muted []any // of which a client of another release may have made anything
	if json.Unmarshal(all[Muted], &muted) == nil {
		c.muted = make(map[string]bool, len(muted))
		for _, id := range muted {
			if room, ok := id.(string); ok {
				c.muted[room] = true
			}
		}
	}
	if err := c.check(); err != nil {
		return Choices{}, err
	}
	return c, nil
}

func (c *Choices) check() error {
	if !c.Level.valid() {
		return fmt.Errorf("notify.level is %.20q; it has to be everything, mentions or nothing", c.Level)
	}
	if len(c.Rooms) > MaxRooms {
		return fmt.Errorf("at most %d rooms can have a choice of their own for notifications: remove some", MaxRooms)
	}
	for room, level := range c.Rooms {
		if !chat.ValidID(room) || level == "" || !level.valid() {
			return fmt.Errorf("notify.rooms has %.70q: %.20q; it has to be the id of a room, and everything, mentions or nothing", room, level)
		}
	}
	if len(c.Words) > MaxWords {
		return fmt.Errorf("at most %d words can count as a mention: leave some out", MaxWords)
	}
	for _, w := range c.Words {
		if n := utf8.RuneCountInString(strings.TrimSpace(w)); n == 0 || n > MaxWordLen {
			return fmt.Errorf("a word that counts as a mention has 1 to %d characters", MaxWordLen)
		}
	}
	if c.Mail != "" && c.Mail != Never && c.Mail.Period() == 0 {
		return fmt.Errorf("notify.mail is %.20q; it has to be never, hourly, daily or weekly", c.Mail)
	}
	if c.Paused < 0 || c.Paused > chat.Forever {
		return errors.New("notify.paused is no time in milliseconds")
	}
	if q := c.Quiet; q != nil {
		if q.From < 0 || q.From >= dayMinutes || q.To < 0 || q.To >= dayMinutes {
			return errors.New("notify.quiet has from and to in minutes since midnight, 0 to 1439")
		}
		if _, err := zone(q.Zone); err != nil {
			return fmt.Errorf("this server does not know the time zone %.64q of your quiet hours", q.Zone)
		}
	}
	return nil
}

// zone returns a time zone. Local, which is the server's, is none of a person's.
func zone(name string) (*time.Location, error) {
	if name == "Local" || len(name) > 64 {
		return nil, errForm
	}
	return time.LoadLocation(name)
}

// In returns how much of a room the person is told.
func (c *Choices) In(room string) Level {
	switch own, general := c.Rooms[room], c.Level; {
	case own != "":
		return own
	case general == "" || general == Everything && c.muted[room]:
		return Mentions
	default:
		return general
	}
}

// Silent reports whether nothing is told at a time.
func (c *Choices) Silent(now time.Time) bool {
	if now.UnixMilli() < c.Paused {
		return true
	}
	q := c.Quiet
	if q == nil || q.From == q.To {
		return false
	}
	at, err := zone(q.Zone)
	if err != nil {
		return false // a zone that another release knew
	}
	t := now.In(at)
	minute := t.Hour()*60 + t.Minute()
	if q.From < q.To {
		return minute >= q.From && minute < q.To
	}
	return minute >= q.From || minute < q.To
}
