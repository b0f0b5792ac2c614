// Package history is the service that keeps the permanent record: it consumes the room logs into a
// store, and answers for pages, for what a client missed that was away for long, and for edits,
// which it checks against the record.
//
// It is not on the live path: with its store down, sending goes on, and it catches up.
//
// Service wires the parts, each of which owns one subject and is given what it depends on. records
// read what is known of a room, stored or not, and a record is that at one moment: nearly all parts
// begin with one. ingest takes the log in, and calls in order what follows from entries: positions,
// follows, resolver (mentions), removal, indexer, sweeper. pages, inboxes, searcher, quotes,
// threads and pins answer; changes and importer append to the log; saves, holds and tidier keep
// what their names say. guard says who may read.
package history

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/trace"
	"hubbub.internal/services/history/store"
)

const (
	// group is the consumer group that history reads the log as; see api.RequiredGroups.
	group = "history"
	// appliesAtOnce is how many edits and the like are checked and appended at the same time, for
	// each user one. They wait for the log for most of the time.
	appliesAtOnce = 64
	// retryAfter is how long a client waits when the store or the bus does not answer.
	retryAfter = 2 * time.Second
)

// Config is what the service can be told.
type Config struct {
	MaxEdits int  `help:"Times that one message may be edited (1 to 4000)." default:"100"`
	Pages    int  `help:"Pages and catch-ups that are read at the same time, one for each user (1 to 1000)." default:"8"`
	Bytes    int  `name:"page-bytes" help:"Bytes of pages and catch-ups that a user is given a second, and four times as many at once; who takes more waits (65536 to 1073741824; 0: any)." default:"1048576"`
	Search   bool `help:"Index messages, so that people can search them. What is stored while it is off is indexed when it is on again." default:"true" negatable:""`
	MaxTail  int  `help:"Entries that a page may read from the log because they are not stored yet (1000 to 1000000)." default:"20000"`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	if c.MaxTail < maxReplay || c.MaxTail > 1_000_000 {
		return fmt.Errorf("--max-tail is %d; it has to be %d to 1000000", c.MaxTail, maxReplay)
	}
	if c.MaxEdits < 1 || c.MaxEdits > 4000 {
		return fmt.Errorf("--max-edits is %d; it has to be 1 to 4000", c.MaxEdits)
	}
	if c.Pages < 1 || c.Pages > 1000 {
		return fmt.Errorf("--pages is %d; it has to be 1 to 1000", c.Pages)
	}
	if c.Bytes != 0 && (c.Bytes < 64<<10 || c.Bytes > 1<<30) {
		return fmt.Errorf("--page-bytes is %d; it has to be 65536 to 1073741824, or 0", c.Bytes)
	}
	return nil
}

// Deps is what the service works with. The caller owns all of it, and closes it after Run has
// returned.
type Deps struct {
	Bus      bus.Interface
	Store    store.Store
	Verifier *auth.Verifier
	// permissions and ended log-ins, for the HTTP routes; the caller runs it
	Cache   *directoryapi.Cache
	Log     *zap.Logger
	Metrics prometheus.Registerer
	// a request that takes longer is logged as slow; 0: none is
	SlowRequest time.Duration
	Trace       *trace.Tracer // nil: nothing is traced
}

// Service is the history service: its parts, each of which owns one subject, and the ways to them
// over the bus and HTTP. Its methods are safe for concurrent use.
type Service struct {
	bus     bus.Interface
	store   store.Store
	log     *zap.Logger
	slow    time.Duration // from which on requests are logged as slow; 0: none is
	metrics *metrics
	handler http.Handler

	reads  *turns // for pages and catch-ups
	writes *turns // for edits and the like, which also wait for the log

	intake
	guard    *guard
	pages    *pages
	changes  *changes
	inboxes  *inboxes
	searcher *searcher
	quotes   *quotes
	threads  *threads
	pins     *pins
	saved    *saves
	importer *importer
	holds    *holds
	tidier   *tidier
	versions *versions
}

// intake is the part of the service that takes entries of the log in, and what that works with.
type intake struct {
	jobs      *jobs
	noting    *noting
	records   *records
	news      *announcer
	positions *positions
	follows   *follows
	resolver  *resolver
	indexer   *indexer
	removal   *removal
	sweeper   *sweeper
	ingest    *ingest
}

func newIntake(cfg Config, deps Deps, m *metrics) intake {
	var p intake
	directory := directoryapi.NewClient(deps.Bus)
	p.jobs, p.noting, p.news = newJobs(), newNoting(), &announcer{deps.Bus}
	p.records = &records{store: deps.Store, bus: deps.Bus, cache: deps.Cache, jobs: p.jobs, maxTail: cfg.MaxTail}
	p.positions = &positions{store: deps.Store, directory: directory, jobs: p.jobs, records: p.records, news: p.news}
	p.follows = &follows{store: deps.Store, cache: deps.Cache, directory: directory, records: p.records, news: p.news}
	p.resolver = &resolver{
		store: deps.Store, log: deps.Log, directory: directory, presence: presence.NewClient(deps.Bus),
		noting: p.noting, records: p.records, follows: p.follows, news: p.news,
	}
	p.indexer = &indexer{on: cfg.Search, store: deps.Store, log: deps.Log, records: p.records}
	p.removal = &removal{store: deps.Store, bus: deps.Bus, log: deps.Log, metrics: m, jobs: p.jobs, records: p.records}
	p.sweeper = &sweeper{
		store: deps.Store, bus: deps.Bus, log: deps.Log, directory: directory, metrics: m, jobs: p.jobs,
		holds: newHolds(deps.Store, deps.Log), wake: make(chan struct{}, 1),
	}
	p.ingest = &ingest{
		bus: deps.Bus, store: deps.Store, log: deps.Log, tracer: deps.Trace, metrics: m, noting: p.noting,
		records: p.records, resolver: p.resolver, positions: p.positions, follows: p.follows, indexer: p.indexer, removal: p.removal, sweeper: p.sweeper,
	}
	return p
}

// New returns the service. It starts nothing.
func New(cfg Config, deps Deps) (*Service, error) {
	s := &Service{
		bus: deps.Bus, store: deps.Store, log: deps.Log, slow: deps.SlowRequest, metrics: newMetrics(deps.Metrics),
		reads: newTurns(cfg.Pages, cfg.Bytes), writes: newTurns(appliesAtOnce, 0),
		guard: &guard{deps.Cache},
	}
	s.intake = newIntake(cfg, deps, s.metrics)
	directory := directoryapi.NewClient(deps.Bus)
	s.pins, s.threads = &pins{s.records}, &threads{store: s.store, records: s.records}
	s.versions = &versions{directory: directory, records: s.records}
	s.saved = newSaves(s.guard, s.records, s.news)
	s.changes = newChanges(cfg.MaxEdits, s.records, s.pins)
	s.pages = &pages{store: s.store, directory: directory, reads: s.reads, records: s.records, saved: s.saved}
	s.inboxes = &inboxes{
		store: s.store, cache: deps.Cache, directory: directory, reads: s.reads, noting: s.noting,
		records: s.records, positions: s.positions, follows: s.follows,
	}
	s.searcher = &searcher{on: cfg.Search, store: s.store, directory: directory, metrics: s.metrics, reads: s.reads, guard: s.guard, records: s.records}
	s.quotes = &quotes{store: s.store, noting: s.noting, reads: s.reads, records: s.records}
	s.importer, s.holds, s.tidier = newImporter(s.records), s.sweeper.holds, &tidier{store: s.store, log: s.log, follows: s.follows}
	humaAPI, mux := httpapi.New("history", "1")
	humaAPI.UseMiddleware(httpapi.Authenticate(humaAPI, deps.Verifier, httpapi.Ended(deps.Cache)))
	s.routes(humaAPI)
	s.handler = httpapi.Handler(mux, s.log, deps.SlowRequest, deps.Trace)
	return s, nil
}

// Handler returns the public HTTP routes.
func (s *Service) Handler() http.Handler { return s.handler }

// Run consumes the log and serves requests on the bus until ctx ends, when it returns nil.
func (s *Service) Run(ctx context.Context) error {
	if err := s.advance(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	stop, err := api.Serve(ctx, api.LogSlow(s.bus, s.log, s.slow), s.failed, s.methods()...)
	if err != nil && ctx.Err() != nil {
		return nil // which is why it could not
	}
	if err != nil {
		return err
	}
	defer stop()
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, run := range []func(context.Context){s.removal.run, s.resolver.run, s.indexer.run, s.sweeper.run, s.tidier.run} {
		beside.Go(func() { run(ctx) })
	}
	if err := s.bus.Consume(ctx, group, s.ingest.consume); err != nil {
		return fmt.Errorf("consume the log: %w", err)
	}
	return nil
}

// methods are the requests that history answers.
func (s *Service) methods() []api.Method {
	asker := func(r historyapi.SinceRequest) string { return cmp.Or(r.User, r.Room) }
	author := func(r historyapi.ApplyRequest) string { return r.Event.User }
	owner := func(r historyapi.MineRequest) string { return r.User }
	return []api.Method{
		api.Answer(historyapi.ServicePage, coded(s, s.pages.of)),
		api.Answer(historyapi.ServiceSince, coded(s, inTurn(s.reads, asker, sizeOfSince, s.pages.since))),
		api.Answer(historyapi.ServiceApply, coded(s, inTurn(s.writes, author, func(historyapi.Applied) int { return 0 }, s.changes.apply))),
		api.Answer(historyapi.ServiceRead, coded(s, s.positions.read)),
		api.Answer(historyapi.ServiceSent, coded(s, s.changes.sent)),
		api.Answer(historyapi.ServiceMine, coded(s, inTurn(s.reads, owner, func(mine json.RawMessage) int { return len(mine) }, s.pages.mine))),
		api.Answer(historyapi.ServiceVersions, coded(s, inTurn(s.reads, func(r historyapi.VersionsRequest) string { return cmp.Or(r.User, r.Room) }, sizeOfVersions, s.versions.list))),
		api.Answer(historyapi.ServiceInbox, coded(s, s.inboxes.of)),
		api.Answer(historyapi.ServiceMark, coded(s, inTurn(s.writes, func(r historyapi.MarkRequest) string { return r.User }, func(historyapi.MarkReply) int { return 0 }, s.positions.mark))),
		api.Answer(historyapi.ServiceSearch, coded(s, s.searcher.of)),
		api.Answer(historyapi.ServiceImport, coded(s, s.importer.run)),
		api.Answer(historyapi.ServicePurge, coded(s, s.removal.purge)),
		api.Answer(historyapi.ServiceUnsave, coded(s, s.saved.forget)),
		api.Answer(historyapi.ServiceForget, coded(s, s.removal.forget)),
		api.Answer(historyapi.ServiceHold, coded(s, s.holds.put)),
		api.Answer(historyapi.ServiceHolds, coded(s, s.holds.list)),
		api.Answer(historyapi.ServiceLift, coded(s, s.holds.lift)),
		api.Answer(historyapi.ServiceHeld, coded(s, s.holds.held)),
		api.Answer(historyapi.ServiceSweep, coded(s, s.sweeper.hurry)),
	}
}

// advance sees to it that a log which was lost or restored does not use again what the store has,
// however long the store takes to answer.
func (s *Service) advance(ctx context.Context) error {
	for delay := 100 * time.Millisecond; ; delay = min(2*delay, 5*time.Second) {
		highest, err := s.store.Highest(ctx)
		if err == nil && highest == 0 {
			return nil
		}
		if err == nil {
			if err = s.bus.Advance(ctx, highest); err == nil {
				return nil
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		s.log.Warn("history cannot start; trying again", zap.Error(err), zap.Duration("after", delay))
		if await.Sleep(ctx, delay) != nil {
			return nil
		}
	}
}

func (s *Service) failed(service string, err error) {
	s.log.Error("a request failed", zap.String("service", service), zap.Error(err))
}

// coded gives every error of a handler the code that its caller acts on.
func coded[Req, Rep any](s *Service, handle func(context.Context, Req) (Rep, error)) func(context.Context, Req) (Rep, error) {
	return func(ctx context.Context, req Req) (Rep, error) {
		rep, err := handle(ctx, req)
		return rep, s.code(err)
	}
}

// inTurn schedules the requests of all users by turns. Those of an edge of an earlier release do
// not say the user.
func inTurn[Req, Rep any](turns *turns, user func(Req) string, size func(Rep) int, handle func(context.Context, Req) (Rep, error)) func(context.Context, Req) (Rep, error) {
	return func(ctx context.Context, req Req) (rep Rep, err error) {
		done, err := turns.acquire(ctx, user(req))
		if err != nil {
			return rep, err
		}
		defer func() { done(size(rep)) }()
		return handle(ctx, req)
	}
}

// code returns err with a code: an error that has none is one of the store or the bus.
func (s *Service) code(err error) error {
	if err == nil || chat.CodeOf(err) != chat.CodeInternal {
		return err
	}
	s.metrics.unavailable.Inc()
	s.log.Warn("history is unavailable", zap.Error(err))
	return errors.Join(chat.Unavailable("history does not answer right now", retryAfter), err)
}
