// Package mattermost reads Mattermost's bulk export: a file of JSON lines, alone or in a zip
// archive with the files beside it. See
// https://docs.mattermost.com/onboard/bulk-loading-data-format.html.
package mattermost

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"hubbub.internal/services/hubbub/imports/shortcode"
	"hubbub.internal/services/hubbub/imports/spool"
	"hubbub.internal/services/hubbub/imports/unpack"
)

type line struct {
	Type          string         `json:"type"`
	Version       int            `json:"version"`
	Channel       *channel       `json:"channel"`
	User          *user          `json:"user"`
	Bot           *bot           `json:"bot"`
	Post          *post          `json:"post"`
	DirectChannel *directChannel `json:"direct_channel"`
	DirectPost    *post          `json:"direct_post"`
}

type channel struct {
	Team    string `json:"team"`
	Name    string `json:"name"`
	Display string `json:"display_name"`
	Type    string `json:"type"`
	Header  string `json:"header"`
	Purpose string `json:"purpose"`
	Deleted int64  `json:"deleted_at"`
}

type user struct {
	Name    string `json:"username"`
	Email   string `json:"email"`
	Deleted int64  `json:"delete_at"`
	Teams   []struct {
		Name     string `json:"name"`
		Channels []struct {
			Name  string `json:"name"`
			Roles string `json:"roles"`
		} `json:"channels"`
	} `json:"teams"`
}

type bot struct {
	Name string `json:"username"`
}

type directChannel struct {
	Members      []string `json:"members"`
	Participants []struct {
		Name string `json:"username"`
	} `json:"participants"`
	Header string `json:"header"`
}

type post struct {
	Team      string     `json:"team"`
	Channel   string     `json:"channel"`
	Members   []string   `json:"channel_members"`
	User      string     `json:"user"`
	Type      string     `json:"type"`
	Message   string     `json:"message"`
	Created   int64      `json:"create_at"`
	Edited    int64      `json:"edit_at"`
	Pinned    bool       `json:"is_pinned"`
	Reactions []reaction `json:"reactions"`
	Files     []struct {
		Path string `json:"path"`
	} `json:"attachments"`
	Replies []post `json:"replies"`
	Props   struct {
		Attachments []struct {
			Fallback string `json:"fallback"`
			Pretext  string `json:"pretext"`
			Title    string `json:"title"`
			Text     string `json:"text"`
		} `json:"attachments"`
	} `json:"props"`
}

type reaction struct {
	User  string `json:"user"`
	Emoji string `json:"emoji_name"`
}

// reader reads an export into a spool.
type reader struct {
	to    *spool.Spool
	begun bool // the version line was read
}

// Read reads an export into a spool. For an incomplete file, or one that is no such export, the
// error says what to do.
func Read(ctx context.Context, file string, maxSize int64, to *spool.Spool) (err error) {
	r := &reader{to: to}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("open the export: %w", err)
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head)
	if !bytes.HasPrefix(head[:n], []byte("PK")) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read the export: %w", err)
		}
		if err := r.lines(ctx, io.LimitReader(f, maxSize)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		return nil
	}
	a, err := unpack.Open(file, maxSize)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	found := ""
	for _, name := range a.Names() {
		if strings.HasSuffix(name, ".jsonl") && (found == "" || strings.Count(name, "/") < strings.Count(found, "/")) {
			found = name
		}
	}
	if found == "" {
		return fmt.Errorf("%s: it has no file that ends in .jsonl, so it is no export of Mattermost", file)
	}
	return a.Read(found, func(in io.Reader) error { return r.lines(ctx, in) })
}

func (r *reader) lines(ctx context.Context, in io.Reader) error {
	err := unpack.Lines(in, func(n int, text []byte) error {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			if !r.begun {
				return errors.New("this is no export of Mattermost, whose first line says its version")
			}
			if _, ok := errors.AsType[*json.SyntaxError](err); ok {
				return fmt.Errorf("this line is not complete JSON: the export is damaged, or was cut off when it was copied; get it again (%w)", errors.New(err.Error()))
			}
			return err
		}
		if !r.begun && (l.Type != "version" || l.Version != 1) {
			return errors.New("this is no export of Mattermost in version 1: its first line must say so")
		}
		r.begun = true
		if n%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		return r.line(ctx, &l)
	})
	if err == nil && !r.begun {
		err = errors.New("it is empty")
	}
	return err
}

func (r *reader) line(ctx context.Context, l *line) error {
	switch {
	case l.Channel != nil:
		r.addChannel(l.Channel)
	case l.User != nil:
		r.addUser(l.User)
	case l.Bot != nil && l.Bot.Name != "":
		r.to.AddUser(spool.User{Key: userKey(l.Bot.Name), Name: l.Bot.Name, Closed: true})
	case l.DirectChannel != nil:
		members := l.DirectChannel.Members
		for _, p := range l.DirectChannel.Participants {
			members = append(members, p.Name)
		}
		r.direct(members)
	case l.Post != nil:
		return r.addPost(ctx, roomKey(l.Post.Team, l.Post.Channel), l.Post)
	case l.DirectPost != nil:
		return r.addPost(ctx, r.direct(l.DirectPost.Members), l.DirectPost)
	case l.Type != "version":
		r.to.Skip("settings of the server (" + l.Type + ")")
	}
	return nil
}

func userKey(name string) string { return strings.ToLower(strings.TrimPrefix(name, "@")) }

func roomKey(team, channel string) string { return team + "/" + channel }

func (r *reader) addChannel(c *channel) {
	if c.Name == "" {
		r.to.Skip("channels without a name")
		return
	}
	r.to.AddRoom(spool.Room{
		Key: roomKey(c.Team, c.Name), Name: cmp.Or(c.Display, c.Name), Topic: cmp.Or(c.Header, c.Purpose), Private: c.Type == "P", Archived: c.Deleted > 0, Created: 1,
	})
}

func (r *reader) addUser(u *user) {
	if u.Name == "" {
		r.to.Skip("users without a name")
		return
	}
	key := userKey(u.Name)
	r.to.AddUser(spool.User{Key: key, Name: u.Name, Mail: u.Email, Closed: u.Deleted > 0})
	for _, team := range u.Teams {
		for _, c := range team.Channels {
			if room := r.to.Room(roomKey(team.Name, c.Name)); room != nil {
				room.Members = append(room.Members, spool.Member{User: key, Lead: strings.Contains(c.Roles, "channel_admin")})
			} else {
				r.to.Skip("memberships of channels that the export lacks")
			}
		}
	}
}

// direct returns the key of the direct room of these people, and adds the room if need be.
func (r *reader) direct(people []string) string {
	keys := make([]string, len(people))
	for i, name := range people {
		keys[i] = userKey(name)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	room := spool.Room{Key: "direct " + strings.Join(keys, ","), Private: true, Direct: len(keys) <= 2, Created: 1}
	for _, key := range keys {
		room.Members = append(room.Members, spool.Member{User: key})
	}
	r.to.AddRoom(room)
	return room.Key
}

func (r *reader) addPost(ctx context.Context, room string, p *post) error {
	kept := r.to.Room(room)
	if kept == nil {
		r.to.Skip("messages of channels that the export lacks")
		return nil
	}
	m, ok := r.message(room, p)
	if ok {
		if kept.Created <= 1 || m.At/1000 < kept.Created {
			kept.Created = max(m.At/1000, 1)
		}
		if err := r.to.AddMessage(ctx, m); err != nil {
			return err
		}
	}
	for i := range p.Replies {
		answer, is := r.message(room, &p.Replies[i])
		if !is {
			continue
		}
		if ok {
			answer.Root = m.Key
		}
		if err := r.to.AddMessage(ctx, answer); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) message(room string, p *post) (m spool.Message, ok bool) {
	if strings.HasPrefix(p.Type, "system_") {
		r.to.Skip("events (" + p.Type + ")")
		return m, false
	}
	text := p.Message
	if text == "" {
		for _, a := range p.Props.Attachments {
			text = lines(text, a.Pretext, a.Title, cmp.Or(a.Text, a.Fallback))
		}
	}
	for _, f := range p.Files {
		r.to.Skip("files: their names are in the messages")
		text = lines(text, "`"+strings.ReplaceAll(path.Base(f.Path), "`", "'")+"`")
	}
	if text == "" || p.User == "" || p.Created <= 0 || p.Created > 1<<43 {
		r.to.Skip("messages without a text, an author or a time")
		return m, false
	}
	key := userKey(p.User)
	if !r.to.HasUser(key) {
		r.to.Skip("accounts of people whom the export does not describe, made so that nobody can log in")
		r.to.AddUser(spool.User{Key: key, Name: p.User, Closed: true})
	}
	if p.Edited > 0 {
		r.to.Skip("earlier texts of messages that were edited: the last is imported")
	}
	// Messages have no ids: these three tell them apart, as they do for Mattermost's own import.
	sum := sha256.Sum256([]byte(text))
	m = spool.Message{Room: room, Key: fmt.Sprintf("%d %s %x", p.Created, key, sum[:8]), At: p.Created * 1000, Author: key, Text: text}
	if p.Pinned {
		m.Pinned = key
	}
	seen := make(map[spool.Reaction]bool)
	for _, one := range p.Reactions {
		is := spool.Reaction{Emoji: shortcode.Emoji(one.Emoji), User: userKey(one.User)}
		if !r.to.HasUser(is.User) {
			r.to.Skip("reactions of people who are not in the export")
		} else if !seen[is] {
			seen[is] = true
			m.Reactions = append(m.Reactions, is)
		}
	}
	return m, true
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
