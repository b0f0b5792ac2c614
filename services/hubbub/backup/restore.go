package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/chat"
	directorystore "hubbub.internal/services/directory/store/storeurl"
	historyservice "hubbub.internal/services/history"
	historydata "hubbub.internal/services/history/store"
	historystore "hubbub.internal/services/history/store/storeurl"
	"hubbub.internal/services/hubbub/backup/archive"
)

// Restore is the configuration of `hubbub restore`.
type Restore struct {
	File    string `arg:"" help:"File that hubbub backup wrote; - is standard input, which is copied to a temporary file first (TMPDIR)."`
	Replace bool   `help:"Replace what exists already: files are moved to a folder replaced-… in the data folder; data in MongoDB are removed."`
	KeepLog bool   `help:"Keep the log on the bus, which is still there and younger than the backup: history stores its entries again."`
	Place   `embed:""`
}

// Help implements kong.HelpProvider.
func (*Restore) Help() string {
	return `Restores a Hubbub from a backup, in an empty data folder, or on an empty store and bus, while nothing runs there. It checks the backup before it touches anything; if restoring then fails, it removes what it has written. It migrates a backup of an earlier release.

Clients that have newer messages than the backup load their rooms anew. Users who changed their password or logged in after the backup log in with what the backup has.`
}

// Validate returns what is wrong with the configuration.
func (r *Restore) Validate() error { return r.Place.Validate() }

// Execute implements daemon.Tool.
func (r *Restore) Execute(ctx context.Context, out io.Writer) error {
	began := time.Now()
	if r.File == stdin {
		f, err := spool(os.Stdin)
		if err != nil {
			return err
		}
		defer func() { _ = os.Remove(f) }()
		r.File = f
	}
	h, m, err := verified(ctx, r.File)
	if err != nil {
		return err
	}
	l, err := r.log(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	t, err := r.target(ctx, h)
	if err != nil {
		return err
	}
	defer t.unlock()
	if _, _, err := read(ctx, r.File, func(archive.Header) (sink, error) { return t, nil }); err != nil {
		return err // read has closed the sink, which has removed what it wrote
	}
	moved, err := r.forward(ctx, h)
	if err != nil {
		return err
	}
	if err := l.begin(ctx, r); err != nil {
		return err
	}
	left, err := r.redeliver(ctx, l, t.parked)
	if err != nil {
		return err
	}
	lines := []string{
		fmt.Sprintf("restored the backup of %s, by hubbub %s, in %s: %s", h.Made.Format("2006-01-02 15:04:05 MST"), h.Version,
			time.Since(began).Round(time.Millisecond), strings.Join(total(m.Counts), ", ")),
	}
	lines = append(lines, moved...)
	if n := len(t.parked); n > 0 {
		lines = append(lines, fmt.Sprintf("history now stored %d of the %d entries that were dead letters in the backup; the others stay in the backup, in %s", n-left, n, lettersName))
	}
	if t.aside != "" {
		lines = append(lines, "what was there before is in "+t.aside)
	}
	if r.KeepLog {
		lines = append(lines, "history will store the entries of the log again")
	}
	if len(h.Settings) > 0 {
		var options []string
		for _, name := range slices.Sorted(maps.Keys(h.Settings)) {
			options = append(options, "--"+name+"="+h.Settings[name])
		}
		lines = append(lines, "options that it had then, without secrets: "+strings.Join(options, " "))
	}
	lines = append(lines, "start Hubbub with the options and secrets that it had, including --key-secrets")
	if _, err := fmt.Fprintln(out, strings.Join(lines, "\n")); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// stdin, as File, is standard input.
const stdin = "-"

// spool copies a backup to a file, because restoring reads it twice.
func spool(in io.Reader) (string, error) {
	f, err := os.CreateTemp("", "hubbub-restore-") // mode 0600
	if err != nil {
		return "", fmt.Errorf("copy the backup: %w", err)
	}
	_, err = io.Copy(f, in)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("copy the backup: %w; TMPDIR names another folder", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// forward opens the stores as the services do, which migrates their schemas, and returns what it
// did, in lines for people.
func (r *Restore) forward(ctx context.Context, h archive.Header) (lines []string, err error) {
	historyURL, directoryURL := r.Stores()
	d, err := directorystore.Open(ctx, directorystore.Config{Store: directoryURL}, zap.NewNop())
	if err != nil {
		return nil, fmt.Errorf("open the restored store of directory: %w", err)
	}
	s, err := historystore.Open(ctx, historystore.Config{Store: historyURL}, zap.NewNop())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the restored store of history: %w", err), d.Close())
	}
	for _, service := range []string{directory, history} {
		if was := h.Stores[service]; was.Schema < programs[service].newest[was.Kind] {
			lines = append(lines, fmt.Sprintf("the schema of %s was moved forward from version %d to %d", service, was.Schema, programs[service].newest[was.Kind]))
		}
	}
	return lines, errors.Join(d.Close(), s.Close())
}

// redeliver makes history process the dead letters of the backup again, and returns how many of
// them it still cannot store.
func (r *Restore) redeliver(ctx context.Context, l *restoredLog, all []letter) (left int, err error) {
	if len(all) == 0 {
		return 0, nil
	}
	historyURL, _ := r.Stores()
	s, err := historystore.Open(ctx, historystore.Config{Store: historyURL}, zap.NewNop())
	if err != nil {
		return 0, fmt.Errorf("open the restored store of history: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	b, err := l.open(ctx, r)
	if err != nil {
		return 0, err
	}
	return redeliverEach(ctx, b, s, all)
}

func redeliverEach(ctx context.Context, b bus.Interface, s historydata.Store, all []letter) (left int, err error) {
	taker := historyservice.NewTaker(b, s)
	for _, d := range all {
		err := taker.Take(ctx, bus.Entry{Room: d.Room, Seq: d.Seq, Sender: d.Sender, ID: d.ID, Data: d.Data})
		if errors.Is(err, bus.ErrRetry) {
			return left, fmt.Errorf("take in what history could not take in then: %w", err)
		}
		if err != nil {
			left++
		}
	}
	return left, nil
}

// restoredLog is the log on the bus of a restored Hubbub.
type restoredLog struct {
	bus bus.Interface // nil: an embedded one that was not opened
}

// log returns the log, or an error unless no service uses it and it is new or --keep-log is set.
func (r *Restore) log(ctx context.Context) (*restoredLog, error) {
	if r.BusFolder() != "" {
		return &restoredLog{}, nil // see target
	}
	l := &restoredLog{}
	b, err := l.open(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := r.unused(ctx, b); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// unused returns an error if services use the bus, or if its log has entries and --keep-log is not
// set.
func (r *Restore) unused(ctx context.Context, b bus.Interface) error {
	ask, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := b.Request(ask, directoryService, []byte("{}")); err == nil || !errors.Is(err, bus.ErrNoResponder) && !errors.Is(err, bus.ErrUnavailable) {
		return errors.New("the directory answers on the bus: stop all services before restoring")
	}
	if r.KeepLog {
		return nil
	}
	// A new group has consumed everything only if the log is empty.
	soon, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := b.CatchUp(soon, "restore-"+chat.NewID()); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errors.New("the bus has a log already: restore onto an empty one, or, if it is the log of this Hubbub and younger than the backup, give --keep-log, and history takes it in again")
	}
	return nil
}

// open opens the bus, if it is not open yet.
func (l *restoredLog) open(ctx context.Context, r *Restore) (bus.Interface, error) {
	if l.bus != nil {
		return l.bus, nil
	}
	b, err := busurl.Open(ctx, r.Bus, zap.NewNop(), nil, api.RequiredGroups)
	if err != nil {
		return nil, err // which says what to do
	}
	l.bus = b
	return b, nil
}

// begin sets where the log continues, above the record, and makes history read a kept log again.
func (l *restoredLog) begin(ctx context.Context, r *Restore) error {
	if l.bus == nil && !r.KeepLog {
		return nil // history does this itself when it starts, with its own bus
	}
	b, err := l.open(ctx, r)
	if err != nil {
		return err
	}
	if r.KeepLog {
		for _, group := range api.RequiredGroups {
			if err := b.Retire(ctx, group); errors.Is(err, bus.ErrInUse) {
				return errors.New("history runs: stop all services, and restore again with --replace")
			} else if err != nil {
				return fmt.Errorf("have history take in the log again: %w", err)
			}
		}
		// opening the bus again adds the group again
		l.close()
		if b, err = l.open(ctx, r); err != nil {
			return err
		}
	}
	historyURL, _ := r.Stores()
	s, err := historystore.Open(ctx, historystore.Config{Store: historyURL}, zap.NewNop())
	if err != nil {
		return fmt.Errorf("open the restored store of history: %w", err)
	}
	highest, err := s.Highest(ctx)
	if err == nil && highest > 0 {
		err = b.Advance(ctx, highest)
	}
	if err := errors.Join(err, s.Close()); err != nil {
		return fmt.Errorf("have the log go on above what is restored: %w", err)
	}
	return nil
}

func (l *restoredLog) close() {
	if l.bus != nil {
		_ = l.bus.Close()
		l.bus = nil
	}
}
