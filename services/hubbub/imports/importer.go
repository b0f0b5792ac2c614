package imports

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/await"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/names"
	"hubbub.internal/services/hubbub/admin"
	"hubbub.internal/services/hubbub/imports/roster"
	"hubbub.internal/services/hubbub/imports/spool"
)

const (
	// roomsAtOnce is how many rooms the importer handles at the same time.
	roomsAtOnce = 4
	// askTimeout bounds one step, and patience how long a step is retried while the service is
	// unavailable.
	askTimeout = 25 * time.Second
	patience   = 3 * time.Minute
	// tellEvery is how often the importer prints its progress.
	tellEvery = 5 * time.Second
)

// importer imports what is in a spool.
type importer struct {
	*Config
	ask      admin.Asker
	out      io.Writer
	plan     plan
	spool    *spool.Spool
	source   string
	markdown markdown
	names    *roster.Roster
	made     map[string]string // ids of new accounts, by key
	mapped   map[string]bool   // ids of accounts that existed here before
	closed   map[string]bool   // keys of users who do not become members

	total int // messages of the export
	mu    sync.Mutex
	sent  int
	report
	told time.Time
}

// run imports everything, and prints the report.
func (i *importer) run(ctx context.Context) (err error) {
	i.made, i.mapped, i.closed = make(map[string]string), make(map[string]bool), make(map[string]bool)
	i.report.init(i.spool.Skipped)
	i.told = time.Now()
	if i.total, err = i.spool.Count(ctx, ""); err != nil {
		return err
	}
	if !i.DryRun {
		_, err = i.step(ctx, directoryapi.Import{Step: directoryapi.ImportBegin, Detail: "begins"})
	}
	if err == nil {
		err = i.people(ctx)
	}
	if err == nil {
		err = i.rooms(ctx)
	}
	i.report.print(i.out, i.DryRun)
	if err == nil && !i.DryRun {
		err = i.links(ctx)
	}
	if err == nil && !i.DryRun {
		_, err = i.step(ctx, directoryapi.Import{Step: directoryapi.ImportEnd, Detail: i.report.line()})
	}
	if err != nil && !i.DryRun {
		return fmt.Errorf("the import is not complete: run the same command again to continue it: %w", err)
	}
	return err
}

// step sends a step, and retries while no service answers or the server is busy.
func (i *importer) step(ctx context.Context, in directoryapi.Import) (*directoryapi.ImportReply, error) {
	in.Source, in.Check = i.source, i.DryRun || in.Check
	r := directoryapi.AdminRequest{Do: directoryapi.AdminImport, By: admin.Console(), Import: &in}
	reply, err := i.patiently(ctx, r)
	if err == nil && reply.Import == nil {
		err = errors.New("the server is of a release without imports: upgrade it first")
	}
	return reply.Import, err
}

func (i *importer) patiently(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
	delay := 100 * time.Millisecond
	for began := time.Now(); ; delay = min(2*delay, 5*time.Second) {
		once, cancel := context.WithTimeout(ctx, askTimeout)
		reply, err = i.ask(once, r)
		cancel()
		code := chat.CodeOf(err)
		_, coded := errors.AsType[*chat.Error](err)
		if err == nil || coded && code != chat.CodeUnavailable && code != chat.CodeRateLimited || time.Since(began) > patience {
			return reply, err
		}
		if await.Sleep(ctx, delay) != nil {
			return reply, err
		}
	}
}

// people makes the accounts.
func (i *importer) people(ctx context.Context) error {
	all := i.spool.Users
	for len(all) > 0 {
		some := all[:min(len(all), directoryapi.MaxImportUsers)]
		all = all[len(some):]
		in := directoryapi.Import{Step: directoryapi.ImportUsers}
		for _, u := range some {
			to := cmp.Or(i.plan.Users[u.Key], i.plan.Users[u.Name])
			in.Users = append(in.Users, directoryapi.ImportUser{Key: u.Key, Name: personName(u.Name), To: to, Mail: u.Mail, Trust: i.TrustMail, Closed: u.Closed})
		}
		reply, err := i.step(ctx, in)
		if err != nil {
			return fmt.Errorf("make accounts: %w", err)
		}
		if len(reply.Users) != len(some) {
			return fmt.Errorf("the server answers for %d users of %d", len(reply.Users), len(some))
		}
		for n, made := range reply.Users {
			i.report.user(some[n], made)
			if made.State == directoryapi.ImportRefused {
				continue
			}
			i.names.People[some[n].Key] = roster.Person{ID: made.ID, Name: made.Name}
			i.mapped[made.ID] = made.State == directoryapi.ImportMapped
			i.closed[some[n].Key] = some[n].Closed && made.State != directoryapi.ImportMapped
			if made.State == directoryapi.ImportNew && !some[n].Closed {
				i.made[some[n].Key] = made.ID
			}
		}
	}
	return nil
}

// personName returns the valid account name that is closest to name.
func personName(name string) string {
	tidy := func(name string) string {
		name = strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r), r == '.', r == '_', r == '-':
				return r
			case unicode.IsSpace(r), unicode.IsPunct(r):
				return '.'
			}
			return -1
		}, name)
		for strings.Contains(name, "..") {
			name = strings.ReplaceAll(name, "..", ".")
		}
		return strings.Trim(chat.FirstCharacters(strings.Trim(name, "._-"), names.MaxPerson), "._-")
	}
	for _, tried := range []string{name, tidy(name), tidy(strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return -1
		}
		return r
	}, name))} {
		if normal, err := names.Person(tried); err == nil {
			return normal
		}
	}
	return "user"
}

// rooms imports all rooms, roomsAtOnce at a time.
func (i *importer) rooms(ctx context.Context) error {
	for _, r := range i.spool.Rooms {
		i.names.Rooms[r.Key] = cmp.Or(i.plan.Rooms[r.Key], i.plan.Rooms[r.Name], r.Name)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(roomsAtOnce)
	for _, r := range i.spool.Rooms {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := i.room(ctx, r); err != nil {
				return fmt.Errorf("room %s: %w", cmp.Or(i.names.Rooms[r.Key], r.Key), err)
			}
			return nil
		})
	}
	return group.Wait()
}

// links writes the links with which the holders of new accounts choose a password.
func (i *importer) links(ctx context.Context) (err error) {
	if i.Links == "" || len(i.made) == 0 {
		return nil
	}
	f, err := os.OpenFile(i.Links, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("--links: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, u := range i.spool.Users {
		id := i.made[u.Key]
		if id == "" {
			continue
		}
		reply, err := i.patiently(ctx, directoryapi.AdminRequest{Do: directoryapi.AdminReset, By: admin.Console(), User: id})
		if err != nil {
			return fmt.Errorf("make a link for %s: %w", u.Name, err)
		}
		link, err := admin.Link(i.URL, reply.Link)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(f, "%s\t%s\t%s\n", i.names.People[u.Key].Name, u.Mail, link); err != nil {
			return fmt.Errorf("--links: %w", err)
		}
	}
	return nil
}
