// Package slack reads the export of a Slack workspace: a zip archive with lists of users and
// channels, and for each channel a folder with a file of messages for each day. See
// https://slack.com/help/articles/220556107-How-to-read-Slack-data-exports.
package slack

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"hubbub.internal/services/hubbub/imports/spool"
	"hubbub.internal/services/hubbub/imports/unpack"
)

type user struct {
	ID      string `json:"id"`
	Team    string `json:"team_id"`
	Name    string `json:"name"`
	Deleted bool   `json:"deleted"`
	IsBot   bool   `json:"is_bot"`
	Profile struct {
		DisplayName string `json:"display_name"`
		RealName    string `json:"real_name"`
		Email       string `json:"email"`
		BotID       string `json:"bot_id"`
	} `json:"profile"`
}

type channel struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Created  int64    `json:"created"`
	Creator  string   `json:"creator"`
	Archived bool     `json:"is_archived"`
	Members  []string `json:"members"`
	Topic    value    `json:"topic"`
	Purpose  value    `json:"purpose"`
	Pins     []struct {
		ID   string `json:"id"`
		User string `json:"user"`
	} `json:"pins"`
}

type value struct {
	Value string `json:"value"`
}

// list is a file with channels of a kind.
type list struct {
	file    string
	private bool
	direct  bool // of two people, or of some
}

var lists = []list{{"channels.json", false, false}, {"groups.json", true, false}, {"mpims.json", true, true}, {"dms.json", true, true}}

// reader reads an export into a spool.
type reader struct {
	to      *spool.Spool
	team    string
	folders map[string]string            // ids of channels, by the folder of their messages
	pins    map[string]map[string]string // who pinned, by channel and time of the message
	bots    map[string]string            // ids of users, by that of their bot
}

// Read reads an export into a spool, and returns the id of the workspace. An archive that is not
// whole, or not such an export, is an error that says what to do.
func Read(ctx context.Context, file string, maxSize int64, to *spool.Spool) (team string, err error) {
	a, err := unpack.Open(file, maxSize)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	top, err := topOf(a)
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	r := &reader{to: to, folders: make(map[string]string), pins: make(map[string]map[string]string), bots: make(map[string]string)}
	if err := a.Read(top+"users.json", func(in io.Reader) error { return unpack.Elements(in, r.addUser) }); err != nil {
		return "", err
	}
	for _, l := range lists {
		if !a.Has(top + l.file) {
			continue
		}
		err := a.Read(top+l.file, func(in io.Reader) error {
			return unpack.Elements(in, func(raw json.RawMessage) error { return r.addChannel(l, raw) })
		})
		if err != nil {
			return "", err
		}
	}
	for _, name := range a.Names() {
		folder, day := path.Split(strings.TrimPrefix(name, top))
		if folder == "" || !strings.HasSuffix(day, ".json") {
			if folder != "" {
				to.Skip("files of the archive that are not messages")
			}
			continue
		}
		room, ok := r.folders[strings.TrimSuffix(folder, "/")]
		if !ok {
			to.Skip("files of the archive that are of no channel")
			continue
		}
		if err := ctx.Err(); err != nil {
			return "", err
		}
		err := a.Read(name, func(in io.Reader) error {
			return unpack.Elements(in, func(raw json.RawMessage) error { return r.addMessage(ctx, room, raw) })
		})
		if err != nil {
			return "", err
		}
	}
	return r.team, nil
}

// topOf returns the folder in which all of the export is: mostly none.
func topOf(a *unpack.Archive) (string, error) {
	for _, name := range a.Names() {
		if top, file := path.Split(name); file == "users.json" && strings.Count(top, "/") <= 1 {
			return top, nil
		}
	}
	return "", errors.New("it has no users.json, so it is no export of Slack: give the zip archive as Slack made it")
}

func (r *reader) addUser(raw json.RawMessage) error {
	var u user
	if err := json.Unmarshal(raw, &u); err != nil {
		return fmt.Errorf("a user: %w", err)
	}
	if u.ID == "" {
		r.to.Skip("users without an id")
		return nil
	}
	r.team = cmp.Or(r.team, u.Team)
	if u.Profile.BotID != "" {
		r.bots[u.Profile.BotID] = u.ID
	}
	r.to.AddUser(spool.User{
		Key: u.ID, Name: cmp.Or(u.Profile.DisplayName, u.Name, u.Profile.RealName), Mail: u.Profile.Email, Closed: u.Deleted || u.IsBot || u.ID == "USLACKBOT",
	})
	return nil
}

func (r *reader) addChannel(l list, raw json.RawMessage) error {
	var c channel
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("a channel: %w", err)
	}
	if c.ID == "" {
		r.to.Skip("channels without an id")
		return nil
	}
	room := spool.Room{Key: c.ID, Name: c.Name, Topic: unescape.Replace(cmp.Or(c.Topic.Value, c.Purpose.Value)), Private: l.private, Archived: c.Archived, Created: c.Created * 1000, Creator: c.Creator}
	slices.Sort(c.Members)
	for _, m := range slices.Compact(c.Members) {
		room.Members = append(room.Members, spool.Member{User: m, Lead: m == c.Creator})
	}
	if l.direct {
		room.Direct, room.Name = len(room.Members) <= 2, ""
	}
	r.folders[c.ID] = c.ID
	if c.Name != "" {
		r.folders[c.Name] = c.ID
	}
	for _, p := range c.Pins {
		if r.pins[c.ID] == nil {
			r.pins[c.ID] = make(map[string]string)
		}
		r.pins[c.ID][p.ID] = cmp.Or(p.User, c.Creator)
	}
	r.to.AddRoom(room)
	return nil
}

// timeOf returns a time such as 1355517523.000008 in UTC microseconds; false: it is none.
func timeOf(ts string) (int64, bool) {
	whole, part, _ := strings.Cut(ts, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<34 || len(part) > 6 {
		return 0, false
	}
	micros := int64(0)
	if part != "" {
		if micros, err = strconv.ParseInt(part+strings.Repeat("0", 6-len(part)), 10, 64); err != nil || micros < 0 {
			return 0, false
		}
	}
	return seconds*1_000_000 + micros, true
}
