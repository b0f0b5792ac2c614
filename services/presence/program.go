package presence

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
)

// Program is the program presence: everything that it can be told.
type Program struct {
	daemon.Config
	Listen   string        `help:"Address of the public port." default:":8080" placeholder:"HOST:PORT"`
	Cross    httpapi.Cross `embed:""`
	Bus      busurl.Config `embed:""`
	Presence Config        `embed:""`
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
	s, err := New(cfg.Presence, Deps{
		Bus: b, Log: p.Log, Metrics: p.Metrics, Access: cache,
		Verifier: auth.NewVerifier(directoryapi.NewClient(b).Keys), SlowRequest: p.SlowRequest, Trace: p.Trace,
	})
	if err != nil {
		return err
	}
	p.Check("presence", s.Ready)
	p.Check("permissions", cache.Ready)
	p.Go("clocks", clocks.New(b, "presence", p.Log, p.Metrics).Run)
	p.Go("permissions", cache.Run)
	p.Go("presence", s.Run)
	_, err = p.Serve(cfg.Listen, cfg.Cross.Handler(s.Handler()))
	return err
}
