package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/clocks"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/hubbub/admin"
	"hubbub.internal/services/hubbub/backup"
)

const (
	// lowDisk and fullDisk are the free bytes below which a check warns or fails.
	lowDisk  = 2 << 30
	fullDisk = 200 << 20
	// behind is how far history may lag before the check fails.
	behind = 5 * time.Minute
)

// examinePlace checks the bus and the stores, or the data folder that has them.
func (c *Config) examinePlace(ctx context.Context, r *report) {
	historyURL, directoryURL := c.Stores()
	_, files := backup.SQLiteFile(historyURL)
	folder := c.BusFolder()
	if files || folder != "" {
		if !c.dataFolder(r) {
			return
		}
	}
	c.names(ctx, r, historyURL, directoryURL)
	if folder == "" {
		c.examineBus(ctx, r)
	} else {
		c.running(ctx, r)
	}
	for _, s := range []struct{ service, url string }{{"directory", directoryURL}, {"history", historyURL}} {
		if path, ok := backup.SQLiteFile(s.url); ok {
			file(ctx, r, s.service, path)
		} else {
			c.database(ctx, r, s.service, s.url)
		}
	}
}

// dataFolder checks the data folder, and reports whether it exists.
func (c *Config) dataFolder(r *report) bool {
	const check = "data folder"
	info, err := os.Stat(c.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.fail(check, "name the folder of a hubbub up with --data, or a cluster with --bus and --store", "there is no %s", c.Data)
		return false
	case err != nil:
		r.fail(check, "run this as the user who runs hubbub up", "%v", err)
		return false
	case !info.IsDir():
		r.fail(check, "name another with --data", "%s is no folder", c.Data)
		return false
	}
	before := len(r.all)
	if probe, err := os.CreateTemp(c.Data, ".doctor-*"); err != nil {
		r.fail(check, "give the folder to the user who runs hubbub up, on a disk that can be written to", "it cannot be written to: %v", err)
	} else {
		_ = probe.Close()
		_ = os.Remove(probe.Name())
	}
	if free, all, ok := space(c.Data); ok {
		disk(r, free, all)
	}
	var open []string
	for _, name := range []string{"history.db", "directory.db", "bus"} {
		path := filepath.Join(c.Data, name)
		if info, err := os.Stat(path); err == nil && readable(info.Mode(), path) {
			open = append(open, path)
		}
	}
	if len(open) > 0 {
		r.warn(check, "chmod -R o-rwx "+c.Data, "everybody on this machine can read %s", strings.Join(open, ", "))
	}
	if len(r.all) == before {
		r.ok(check, "%s can be written to, is its owner's alone, and has room", c.Data)
	}
	return true
}

// disk checks the free space of a disk.
func disk(r *report, free, all uint64) {
	const check = "data folder"
	do := "make room: history grows for ever, and the bus refuses messages when the disk is full"
	switch {
	case free < fullDisk:
		r.fail(check, do, "its disk has %d MiB free of %d", free>>20, all>>20)
	case free < lowDisk || free < all/20:
		r.warn(check, do, "its disk has %d MiB free of %d", free>>20, all>>20)
	}
}

// running checks whether a `hubbub up` runs in the data folder; only that process can reach its
// bus.
func (c *Config) running(ctx context.Context, r *report) {
	const check = "bus"
	conn, err := (&net.Dialer{Timeout: c.Timeout}).DialContext(ctx, "unix", filepath.Join(c.Data, admin.Socket))
	if err != nil {
		r.warn(check, "start it, if it should", "no hubbub up runs in %s", c.Data)
		return
	}
	_ = conn.Close()
	if len(c.Ops) == 0 {
		r.ok(check, "a hubbub up runs in %s; with --ops 127.0.0.1:9081 it is asked whether all is well", c.Data)
		return
	}
	r.ok(check, "a hubbub up runs in %s", c.Data)
}

// file checks a store in an SQLite file.
func file(ctx context.Context, r *report, service, path string) {
	check := "store"
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		r.warn(check, "start hubbub up once, or name its folder with --data", "%s has no store yet in %s", service, path)
		return
	}
	v, err := sqlitedb.Version(ctx, path)
	if err != nil {
		r.fail(check, "restore a backup if the file is damaged", "the store of %s: %v", service, err)
		return
	}
	schemaVersion(r, service, "sqlite", v)
}

// schemaVersion checks whether this release knows the version of a store's schema.
func schemaVersion(r *report, service, kind string, v int64) {
	const check = "store"
	switch newest := backup.Newest(service, kind); {
	case v > newest:
		r.fail(check, "run the newer release, or restore a backup from before", "the store of %s is of a newer release: its schema has version %d, and this program knows %d", service, v, newest)
	case v < newest:
		r.warn(check, "back up before the services of this release start", "the store of %s has a schema of version %d, and this release will move it forward to %d", service, v, newest)
	default:
		r.ok(check, "the store of %s answers, with a schema of version %d, as this release has it", service, v)
	}
}

// database checks a store in MongoDB.
func (c *Config) database(ctx context.Context, r *report, service, url string) {
	const check = "store"
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	s, err := mongodb.OpenStock(ctx, url, backup.App(service), nil)
	if err != nil {
		r.fail(check, "", "%v", err)
		return
	}
	defer func() { _ = s.Close() }()
	if err := s.MayWrite(ctx); err != nil {
		r.fail(check, "give the user the role readWrite on that database", "%s cannot write: %v", service, err)
		return
	}
	v, err := s.Version(ctx)
	if err != nil {
		r.fail(check, "", "%v", err)
		return
	}
	schemaVersion(r, service, "mongodb", v)
	before := time.Now()
	state, err := s.Server(ctx)
	if err != nil {
		r.warn(check, "", "%v", err)
		return
	}
	clock(r, "MongoDB", state.Now, before, time.Now())
	if state.ReplicaSet == "" {
		r.ok(check, "MongoDB %s runs as one server; a replica set goes on without one of its servers (docs/operate.md)", state.Version)
	}
}

// clock compares a clock with ours; at was read between before and after.
func clock(r *report, whose string, at, before, after time.Time) {
	const check = "clocks"
	away, how := before.Sub(at), "behind"
	if at.After(after) {
		away, how = at.Sub(after), "ahead of"
	}
	switch {
	case away > time.Minute:
		r.fail(check, "set both clocks by NTP", "the clock of %s is %s %s ours: tokens are refused, and log-ins end", whose, away.Round(time.Second), how)
	case away > clocks.Limit:
		r.warn(check, "set both clocks by NTP", "the clock of %s is %s %s ours: from a minute on tokens are refused", whose, away.Round(time.Second), how)
	default:
		r.ok(check, "that of %s is ours", whose)
	}
}

// names resolves the hosts that URLs name.
func (c *Config) names(ctx context.Context, r *report, urls ...string) {
	const check = "names"
	asked := map[string]bool{}
	good := 0
	for _, u := range append([]string{c.Bus.Bus}, urls...) {
		for _, host := range hostsOf(u) {
			if asked[host] || net.ParseIP(host) != nil || strings.HasPrefix(u, "mongodb+srv:") {
				continue
			}
			asked[host] = true
			soon, cancel := context.WithTimeout(ctx, c.Timeout)
			_, err := net.DefaultResolver.LookupHost(soon, host)
			cancel()
			if err != nil {
				r.fail(check, "check the name, and run this where the services run", "the name %s is not known here: %v", host, err)
				continue
			}
			good++
		}
	}
	if good > 0 {
		r.ok(check, "%s known", plural(good, "host is", "hosts are"))
	}
}

// hostsOf returns the hosts in the URL of a server.
func hostsOf(text string) (hosts []string) {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || scheme == "sqlite" || scheme == "embedded" {
		return nil
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	for host := range strings.SplitSeq(rest, ",") {
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if host = strings.Trim(host, "[]"); host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// examineBus checks a bus that is a server.
func (c *Config) examineBus(ctx context.Context, r *report) {
	const check = "bus"
	core, seen := observer.New(zapcore.WarnLevel)
	b, err := busurl.Open(ctx, c.Bus, zap.New(core), nil, nil)
	for _, e := range seen.All() { // warnings of the driver
		r.warn(check, "", "%s", entryText(e))
	}
	if err != nil {
		r.fail(check, "", "%v", err)
		return
	}
	defer func() { _ = b.Close() }()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := b.Probe(ctx); err != nil {
		r.fail(check, "look at the server's log, and at what is between here and there", "a message to ourselves does not come: %v", err)
		return
	}
	r.ok(check, "it answers, and messages come")
	c.redis(ctx, r)
	c.nats(ctx, r)
	c.log(ctx, r, b)
}

// entryText formats a log entry for people.
func entryText(e observer.LoggedEntry) string {
	text := e.Message
	fields := e.ContextMap()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		text += fmt.Sprintf(", %s %v", name, fields[name])
	}
	return text
}

// log checks what history has not consumed, and its dead letters.
func (c *Config) log(ctx context.Context, r *report, b bus.Log) {
	const check = "log"
	before := len(r.all)
	groups, err := b.Groups(ctx)
	if err != nil {
		r.fail(check, "", "what history has read is not known: %v", err)
		return
	}
	for _, g := range groups {
		if !slices.Contains(api.RequiredGroups, g.Name) {
			r.warn(check, "hubbub groups --retire "+g.Name+", if it does not come back", "the log also waits for a group %s, which is none of this release", g.Name)
		}
		if late := time.Since(g.Unread); !g.Unread.IsZero() && late > behind {
			r.warn(check, "see that history runs and its store works; the log refuses messages when it is full", "%s has not read for %s what was sent then", g.Name, late.Round(time.Second))
		}
		letters, err := b.DeadLetters(ctx, g.Name, 100)
		if err != nil {
			r.warn(check, "", "dead letters of %s: %v", g.Name, err)
		} else if n := len(letters); n > 0 {
			r.warn(check, "look at them with hubbub dead-letters, and put them back with --replay when the cause is mended", "%s could not take in %s; the first: %s", g.Name, plural(n, "entry or more", "entries or more"), letters[0].Reason)
		}
	}
	if len(r.all) == before {
		r.ok(check, "history is not behind, and could take in everything")
	}
}
