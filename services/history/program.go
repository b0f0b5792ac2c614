package history

import (
	"context"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/clocks"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/history/store"
	"hubbub.internal/services/history/store/storeurl"
)

// Program is the program history: everything that it can be told.
type Program struct {
	daemon.Config
	Listen  string          `help:"Address of the public port." default:":8080" placeholder:"HOST:PORT"`
	Cross   httpapi.Cross   `embed:""`
	Bus     busurl.Config   `embed:""`
	Store   storeurl.Config `embed:""`
	History Config          `embed:""`
}

// Start opens what the service needs and starts its parts.
func (cfg *Program) Start(ctx context.Context, p *daemon.Process) error {
	b, err := daemon.Await(ctx, p, "bus", func(ctx context.Context) (bus.Interface, error) {
		return busurl.Open(ctx, cfg.Bus, p.Log, p.Metrics, api.RequiredGroups)
	})
	if err != nil {
		return err
	}
	p.Defer(func() { _ = b.Close() })
	store, err := daemon.Await(ctx, p, "store", func(ctx context.Context) (store.Store, error) {
		return storeurl.Open(ctx, cfg.Store, p.Log)
	})
	if err != nil {
		return err
	}
	p.Defer(func() { _ = store.Close() })
	cache := directoryapi.NewCache(b, p.Log)
	s, err := New(cfg.History, Deps{
		Bus: b, Store: store, Verifier: auth.NewVerifier(directoryapi.NewClient(b).Keys), Cache: cache, Log: p.Log, Metrics: p.Metrics,
		SlowRequest: p.SlowRequest, Trace: p.Trace,
	})
	if err != nil {
		return err
	}
	p.Check("bus", b.Probe)
	p.Check("permissions", cache.Ready)
	p.Go("clocks", clocks.New(b, "history", p.Log, p.Metrics).Run)
	p.Go("permissions", cache.Run)
	p.Go("history", s.Run)
	_, err = p.Serve(cfg.Listen, cfg.Cross.Handler(s.Handler()))
	return err
}
