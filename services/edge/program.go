package edge

import (
	"context"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/clocks"
	"hubbub.internal/libs/daemon"
)

// Program is the program edge: everything that it can be told.
type Program struct {
	daemon.Config
	Bus  busurl.Config `embed:""`
	Edge Config        `embed:""`
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
	p.Check("bus", b.Probe)
	cache := directory.NewCache(b, p.Log)
	e, err := New(cfg.Edge, Deps{
		Bus: b, Verifier: auth.NewVerifier(directory.NewClient(b).Keys), Directory: cache, Log: p.Log, Metrics: p.Metrics, Trace: p.Trace, SlowRequest: p.SlowRequest,
	})
	if err != nil {
		return err
	}
	p.Check("edge", e.Ready)
	p.Check("permissions", cache.Ready)
	p.Go("clocks", clocks.New(b, "edge", p.Log, p.Metrics).Run)
	p.Go("permissions", cache.Run)
	p.Go("edge", e.Run)
	return nil
}
