package notify

import (
	"context"

	"hubbub.internal/libs/api"
	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/clocks"
	"hubbub.internal/libs/daemon"
)

// Program is the configuration of the program notify. It has no public port: clients reach it
// through the directory.
type Program struct {
	daemon.Config
	Bus    busurl.Config `embed:""`
	Notify Config        `embed:""`
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

	cache := directoryapi.NewCache(b, p.Log)
	s := New(cfg.Notify, Deps{Bus: b, Log: p.Log, Metrics: p.Metrics, Access: cache, SlowRequest: p.SlowRequest})
	p.Check("notify", s.Ready)
	p.Check("permissions", cache.Ready)
	p.Go("clocks", clocks.New(b, "notify", p.Log, p.Metrics).Run)
	p.Go("permissions", cache.Run)
	p.Go("notify", s.Run)
	return nil
}
