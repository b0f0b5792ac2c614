package export

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"hubbub.internal/libs/chat"
)

//go:embed page.html
var pageText string

var pages = template.Must(template.New("").Parse(pageText))

// Page writes a copy as one HTML page that needs nothing else: no script, font or image. Texts
// stand there as they were written, and nothing in them is a link or markup. It keeps in memory the
// names of the members, and no messages.
type Page struct {
	w     io.Writer
	names map[string]string // by user id
	day   string
	body  bool // the members have ended
}

// NewPage returns a page that is written to w.
func NewPage(w io.Writer) *Page { return &Page{w: w, names: map[string]string{}} }

// Line writes a line of a copy. The first one has to be the head; times are those of UTC.
func (p *Page) Line(l Line) error {
	switch l.Kind {
	case KindHead:
		return write(p, "head", l.Content, func(h Head) any { return headView{h, clock(h.At)} })
	case KindMember:
		return write(p, "member", l.Content, func(m Member) any {
			p.names[m.User] = m.Name
			return m
		})
	}
	if err := p.begin(); err != nil {
		return err
	}
	switch l.Kind {
	case KindMessage:
		var m chat.Message
		if err := json.Unmarshal(l.Content, &m); err != nil {
			return fmt.Errorf("a message of the export: %w", err)
		}
		if err := p.onDay(m.TS); err != nil {
			return err
		}
		p.names[m.User] = m.Name
		return p.execute("message", p.message(&m))
	case KindVersion:
		return write(p, "version", l.Content, func(v MessageVersion) any { return versionView{v, clock(v.TS)} })
	case KindHeld:
		return write(p, "held", l.Content, func(h heldView) any { return h.shown() })
	case KindAct:
		return write(p, "act", l.Content, func(e chat.Event) any { return actView{e, clock(e.TS)} })
	}
	return nil
}

// End writes the end of the page, with the hash of the last line of the copy.
func (p *Page) End(h Hash) error {
	if err := p.begin(); err != nil {
		return err
	}
	return p.execute("end", h.String())
}

func (p *Page) begin() error {
	if p.body {
		return nil
	}
	p.body = true
	return p.execute("body", nil)
}

func (p *Page) onDay(ts int64) error {
	day := time.UnixMilli(ts).UTC().Format("Monday, 2 January 2006")
	if day == p.day {
		return nil
	}
	p.day = day
	return p.execute("day", day)
}

func (p *Page) execute(name string, data any) error {
	if err := pages.ExecuteTemplate(p.w, name, data); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

func write[T any](p *Page, name string, content json.RawMessage, view func(T) any) error {
	var v T
	if err := json.Unmarshal(content, &v); err != nil {
		return fmt.Errorf("a line of the export: %w", err)
	}
	return p.execute(name, view(v))
}

type headView struct {
	Head
	Made string
}

type actView struct {
	chat.Event
	Time string
}

type versionView struct {
	MessageVersion
	Time string
}

type messageView struct {
	*chat.Message
	Time, Edited, Anchor string
	ReplyAnchor          string
	ReplyName            string
	Reacted              []reactedView
}

type reactedView struct {
	Emoji, Who string
	N          int
}

func (p *Page) message(m *chat.Message) messageView {
	v := messageView{Message: m, Time: clock(m.TS), Anchor: anchor(m.User, m.ID)}
	if m.EditedTS > 0 {
		v.Edited = clock(m.EditedTS)
	}
	if m.ReplyTo != "" {
		v.ReplyAnchor, v.ReplyName = anchor(m.ReplyAuthor, m.ReplyTo), p.name(m.ReplyAuthor)
	}
	for emoji, users := range m.Reactions {
		who := make([]string, len(users))
		for i, u := range users {
			who[i] = p.name(u)
		}
		v.Reacted = append(v.Reacted, reactedView{emoji, strings.Join(who, ", "), len(users)})
	}
	slices.SortFunc(v.Reacted, func(a, b reactedView) int { return strings.Compare(a.Emoji, b.Emoji) })
	return v
}

// name returns the name that a user had last in the copy, or else the id.
func (p *Page) name(user string) string {
	if n := p.names[user]; n != "" {
		return n
	}
	return user
}

func anchor(author, id string) string { return "m-" + author + "-" + id }

func clock(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05") }

// heldView is an entry that a hold has kept.
type heldView struct {
	User  string     `json:"user"`
	Type  string     `json:"type"`
	Entry chat.Event `json:"entry"`
	Time  string     `json:"-"`
}

func (h heldView) shown() heldView {
	h.Time = clock(h.Entry.TS)
	return h
}
