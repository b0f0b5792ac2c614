package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/clocks"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/libs/filelock"
	"hubbub.internal/services/directory"
	directorydata "hubbub.internal/services/directory/store"
	directorystore "hubbub.internal/services/directory/store/storeurl"
	"hubbub.internal/services/edge"
	"hubbub.internal/services/history"
	historydata "hubbub.internal/services/history/store"
	historystore "hubbub.internal/services/history/store/storeurl"
	"hubbub.internal/services/hubbub/admin"
	"hubbub.internal/services/hubbub/backup"
	"hubbub.internal/services/notify"
	"hubbub.internal/services/presence"
)

// Start opens the bus and the stores, starts every service as a component of p, and prints the
// page's address on out. Everything ends with p, the edge first: it drains while the others still
// answer.
func Start(ctx context.Context, p *daemon.Process, cfg Config, out io.Writer) error {
	if err := os.MkdirAll(cfg.Data, 0o750); err != nil {
		return fmt.Errorf("data folder: %w; choose another with --data", err)
	}
	b, err := daemon.Await(ctx, p, "bus", func(ctx context.Context) (bus.Interface, error) {
		return busurl.Open(ctx, cfg.Bus, p.Log, p.Metrics, api.RequiredGroups)
	})
	if errors.Is(err, filelock.ErrLocked) {
		return fmt.Errorf("%w: stop it, or choose another folder with --data", err)
	}
	if err != nil {
		return err
	}
	p.Defer(func() { _ = b.Close() })
	p.Check("bus", b.Probe)

	historyURL, directoryURL := cfg.storeURLs()
	historyStore, err := daemon.Await(ctx, p, "store of history", func(ctx context.Context) (historydata.Store, error) {
		return historystore.Open(ctx, historystore.Config{Store: historyURL}, p.Log)
	})
	if err != nil {
		return err
	}
	p.Defer(func() { _ = historyStore.Close() })
	directoryStore, err := daemon.Await(ctx, p, "store of directory", func(ctx context.Context) (directorydata.Store, error) {
		return directorystore.Open(ctx, directorystore.Config{Store: directoryURL}, p.Log)
	})
	if err != nil {
		return err
	}
	p.Defer(func() { _ = directoryStore.Close() })

	// All services in this process share one cache of permissions and one set of keys.
	cache := directoryapi.NewCache(b, p.Log)
	verifier := auth.NewVerifier(directoryapi.NewClient(b).Keys)
	out = &lines{out: out}
	// buffers a link made before this process knows where it listens
	setup := make(chan string, 1)
	d, err := directory.New(cfg.Directory, directory.Deps{
		Bus: b, Store: directoryStore, Log: p.Log, Metrics: p.Metrics, SlowRequest: p.SlowRequest, Trace: p.Trace,
		Setup: func(secret string, _ time.Duration) { setup <- secret },
	})
	if err != nil {
		return err
	}
	h, err := history.New(cfg.History, history.Deps{
		Bus: b, Store: historyStore, Verifier: verifier, Cache: cache, Log: p.Log, Metrics: p.Metrics, SlowRequest: p.SlowRequest, Trace: p.Trace,
	})
	if err != nil {
		return err
	}
	pr, err := presence.New(cfg.Presence, presence.Deps{
		Bus: b, Verifier: verifier, Access: cache, Log: p.Log, Metrics: p.Metrics, SlowRequest: p.SlowRequest, Trace: p.Trace,
	})
	if err != nil {
		return err
	}
	n := notify.New(cfg.Notify, notify.Deps{Bus: b, Access: cache, Log: p.Log, Metrics: p.Metrics, SlowRequest: p.SlowRequest})
	paths := &routes{history: h.Handler(), presence: pr.Handler(), directory: d.Handler(), page: newPage(cfg.Web)}
	handler := under(cfg.Edge.Base(), paths)
	deps := edge.Deps{Bus: b, Verifier: verifier, Directory: cache, Log: p.Log, Metrics: p.Metrics, Trace: p.Trace, SlowRequest: p.SlowRequest, Handler: handler}
	secured, err := cfg.secure(p)
	if err != nil {
		return err
	}
	if secured != nil {
		deps.TLS, deps.Handler = secured.config, strict(cfg.TLS.HSTS, handler)
	}
	e, err := edge.New(cfg.Edge, deps)
	if err != nil {
		return explained(err)
	}
	paths.edge = e.Handler()
	if secured != nil {
		if err := cfg.sendOn(p, secured, e.Addr()); err != nil {
			return explained(err)
		}
	}
	p.Check("permissions", cache.Ready)
	p.Check("directory", d.Ready)
	p.Check("presence", pr.Ready)
	p.Check("notify", n.Ready)
	p.Check("edge", e.Ready)
	p.Go("clocks", clocks.New(b, "hubbub up", p.Log, p.Metrics).Run)
	p.Go("directory", d.Run)
	socket, err := admin.Listen(cfg.Data)
	if err != nil {
		p.Log.Warn("hubbub admin cannot reach this process through its data folder", zap.Error(err))
	} else {
		settings, err := daemon.Settings(&cfg)
		if err != nil {
			return err
		}
		mux := http.NewServeMux()
		mux.Handle("/", d.AdminHandler())
		mux.Handle("POST "+backup.Path, backup.Handler(backup.Source{Bus: b, History: historyURL, Directory: directoryURL, Settings: settings}, p.Log))
		p.Go("admin", func(ctx context.Context) error { return admin.Serve(ctx, socket, mux) })
	}
	p.Go("set-up link", func(ctx context.Context) error {
		return tellSetup(ctx, out, cfg.address(e.Addr()), setup)
	})
	p.Go("history", h.Run)
	p.Go("presence", pr.Run)
	p.Go("permissions", cache.Run)
	p.Go("notify", n.Run)
	p.Go("edge", e.Run)
	return welcome(out, cfg, e.Addr())
}
