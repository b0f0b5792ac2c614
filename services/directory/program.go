package directory

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/clocks"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/storeurl"
)

// Program is the configuration of the program directory.
type Program struct {
	daemon.Config
	Listen    string          `help:"Address of the public port." default:":8080" placeholder:"HOST:PORT"`
	Cross     httpapi.Cross   `embed:""`
	Bus       busurl.Config   `embed:""`
	Store     storeurl.Config `embed:""`
	Directory Config          `embed:""`
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
	s, err := New(cfg.Directory, Deps{Bus: b, Store: store, Log: p.Log, Metrics: p.Metrics, SlowRequest: p.SlowRequest, Trace: p.Trace})
	if err != nil {
		return err
	}
	p.Check("bus", b.Probe)
	p.Check("store", s.Ready)
	p.Go("clocks", clocks.New(b, "directory", p.Log, p.Metrics).Run)
	p.Go("directory", s.Run)
	_, err = p.Serve(cfg.Listen, cfg.Cross.Handler(s.Handler()))
	return err
}
