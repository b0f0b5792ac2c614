package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"hubbub.internal/services/hubbub/imports/shortcode"
	"hubbub.internal/services/hubbub/imports/spool"
)

type message struct {
	Type    string `json:"type"`
	Subtype string `json:"subtype"`
	User    string `json:"user"`
	Bot     string `json:"bot_id"`
	BotName string `json:"username"`
	Profile struct {
		DisplayName string `json:"display_name"`
		Name        string `json:"name"`
		RealName    string `json:"real_name"`
	} `json:"user_profile"`
	BotProfile struct {
		Name string `json:"name"`
	} `json:"bot_profile"`
	Text      string          `json:"text"`
	TS        string          `json:"ts"`
	Thread    string          `json:"thread_ts"`
	Edited    json.RawMessage `json:"edited"`
	Blocks    json.RawMessage `json:"blocks"`
	Reactions []struct {
		Name  string   `json:"name"`
		Users []string `json:"users"`
	} `json:"reactions"`
	Files       []file       `json:"files"`
	File        *file        `json:"file"`
	Attachments []attachment `json:"attachments"`
	PinnedTo    []string     `json:"pinned_to"`
	Comment     *struct {
		User string `json:"user"`
		Text string `json:"comment"`
	} `json:"comment"`
}

type file struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Link  string `json:"permalink"`
	URL   string `json:"url_private"`
	Mode  string `json:"mode"`
}

type attachment struct {
	Fallback string `json:"fallback"`
	Pretext  string `json:"pretext"`
	Title    string `json:"title"`
	Link     string `json:"title_link"`
	Text     string `json:"text"`
	From     string `json:"from_url"`
}

// said are the subtypes of messages that a person wrote. All others report an event, such as a new
// member.
var said = map[string]bool{
	"": true, "file_share": true, "thread_broadcast": true, "bot_message": true, "me_message": true, "file_comment": true, "file_mention": true,
	"slackbot_response": true, "tombstone": true, "reply_broadcast": true, "document_mention": true, "assistant_app_thread": true,
}

func (r *reader) addMessage(ctx context.Context, room string, raw json.RawMessage) error {
	var m message
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("a message: %w", err)
	}
	at, ok := timeOf(m.TS)
	switch {
	case m.Type != "" && m.Type != "message" || !ok:
		r.to.Skip("entries that are no messages, or have no time")
		return nil
	case !said[m.Subtype]:
		r.to.Skip("events (" + m.Subtype + ")")
		return nil
	}
	out := spool.Message{Room: room, Key: m.TS, At: at, Author: r.author(&m), Text: textOf(&m, r.to)}
	if out.Text == "" || out.Author == "" {
		r.to.Skip("messages without a text or an author")
		return nil
	}
	if m.Thread != "" && m.Thread != m.TS {
		out.Root, out.Broadcast = m.Thread, m.Subtype == "thread_broadcast"
	}
	if len(m.Edited) > 0 && string(m.Edited) != "null" {
		r.to.Skip("earlier texts of messages that were edited: the last is imported")
	}
	seen := make(map[spool.Reaction]bool)
	for _, reaction := range m.Reactions {
		symbol := shortcode.Emoji(reaction.Name)
		for _, user := range reaction.Users {
			one := spool.Reaction{Emoji: symbol, User: user}
			if !r.to.HasUser(user) {
				r.to.Skip("reactions of people who are not in the export")
			} else if !seen[one] {
				seen[one] = true
				out.Reactions = append(out.Reactions, one)
			}
		}
	}
	if who, ok := r.pins[room][m.TS]; ok || len(m.PinnedTo) > 0 {
		if out.Pinned = who; !r.to.HasUser(who) {
			out.Pinned = out.Author
		}
	}
	return r.to.AddMessage(ctx, out)
}

// author returns the key of a message's author. It adds an author that the export lacks: a bot, or
// a user of another workspace.
func (r *reader) author(m *message) string {
	key, name := m.User, cmp.Or(m.Profile.DisplayName, m.Profile.Name, m.Profile.RealName, m.User)
	if m.Comment != nil && m.Comment.User != "" {
		key = m.Comment.User
	}
	if m.Subtype == "tombstone" {
		key, name = cmp.Or(key, "USLACKBOT"), "Slackbot"
	}
	if key == "" && r.bots[m.Bot] != "" {
		return r.bots[m.Bot]
	}
	if key == "" {
		name = cmp.Or(m.BotName, m.BotProfile.Name, m.Bot)
		if key = m.Bot; key == "" && name != "" {
			key = "bot:" + name
		}
		name = cmp.Or(name, "bot")
	}
	if key == "" {
		return ""
	}
	if !r.to.HasUser(key) {
		r.to.Skip("accounts of bots and of people of other workspaces, made so that nobody can log in")
		r.to.AddUser(spool.User{Key: key, Name: name, Closed: true})
	}
	return key
}

// textOf returns the text of a message in Slack's syntax, with its files as links.
func textOf(m *message, to *spool.Spool) string {
	text := m.Text
	if m.Comment != nil {
		text = m.Comment.Text
	}
	if text == "" {
		for _, a := range m.Attachments {
			if a.From == "" || text == "" {
				text = lines(text, a.Pretext, linked(a.Title, a.Link), cmp.Or(a.Text, a.Fallback))
			}
		}
	}
	if text == "" && len(m.Blocks) > 0 {
		text = blockText(m.Blocks)
	}
	if m.Subtype == "me_message" && text != "" {
		text = "_" + text + "_"
	}
	files := m.Files
	if m.File != nil {
		files = append(files, *m.File)
	}
	for _, f := range files {
		name := cmp.Or(f.Name, f.Title)
		if f.Mode == "tombstone" || name == "" {
			name = "a file that was deleted"
		}
		to.Skip("files: their names and links are in the messages")
		text = lines(text, linked(escape(name), cmp.Or(f.Link, f.URL)))
	}
	return text
}

// linked returns a link with a label, in Slack's syntax.
func linked(label, link string) string {
	if link == "" || label == "" || !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") {
		return label
	}
	return "<" + link + "|" + label + ">"
}

func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

func lines(all ...string) string {
	var full []string
	for _, line := range all {
		if line != "" {
			full = append(full, line)
		}
	}
	return strings.Join(full, "\n")
}

// maxBlocks limits the depth of nested blocks.
const maxBlocks = 20

// blockText returns the texts of blocks, for bot messages without another text.
func blockText(raw json.RawMessage) string {
	var blocks any
	if json.Unmarshal(raw, &blocks) != nil {
		return ""
	}
	var b strings.Builder
	var walk func(v any, depth int)
	walk = func(v any, depth int) {
		if depth > maxBlocks {
			return
		}
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one, depth+1)
			}
		case map[string]any:
			if text, ok := v["text"].(string); ok {
				b.WriteString(text)
				b.WriteByte('\n')
				return
			}
			for _, name := range []string{"text", "fields", "elements"} {
				walk(v[name], depth+1)
			}
		}
	}
	walk(blocks, 0)
	return strings.TrimSpace(b.String())
}
