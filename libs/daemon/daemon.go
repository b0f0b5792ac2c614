// Package daemon is what every Hubbub process has in common: configuration from flags and
// environment, logs, the ops port (metrics, health, readiness, profiles), start order, reverse
// stop, signals and the exit code.
//
// It owns the process; it knows nothing of what runs in it.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"hubbub.internal/libs/buildinfo"
	"hubbub.internal/libs/trace"
)

// Process is a running program: what its components log to, register metrics with and report their
// readiness to. Its methods are safe for concurrent use.
type Process struct {
	Log     *zap.Logger
	Metrics *prometheus.Registry
	// SlowRequest is the time that a request takes at most to be nothing to log; 0: any time.
	SlowRequest time.Duration
	// Trace records spans; nil: nothing is traced.
	Trace *trace.Tracer

	level  zap.AtomicLevel // of Log
	ctx    context.Context
	cancel context.CancelCauseFunc
	ready  readiness

	mu sync.Mutex
	// what stops each component and closes each resource, in the order of their start
	stops []func()
}

// errStopped is the cause of the context's end when a component has simply ended.
var errStopped = errors.New("stopped")

// Main parses cfg from the command line and the environment, runs the program and exits: with 0
// after a signal or a clean end, with 1 and one line on standard error after a failure, with 2 when
// the configuration is wrong. cfg is a pointer to a struct that embeds Config. run starts
// components with p.Go and p.Serve and may return before they end; what it has opened for them it
// closes with p.Defer. ctx ends at SIGINT or SIGTERM, or when a component ends; a second signal
// kills the process.
//
// A command that is a Tool runs instead of run, and has neither ops port nor logs. One that is a
// Service starts instead of run.
//
// With the last argument healthcheck the program asks the process that runs with the same other
// arguments and the same environment whether it is ready, and exits with 0 if so: a container
// without a shell can be checked by it. With the last arguments loglevel and debug, info, warn or
// error it has that process log from that level on. With the one argument options it prints all of
// its options as JSON (Option).
func Main(name, description string, cfg any, run func(ctx context.Context, p *Process) error) {
	args := os.Args[1:]
	args, question := askedOf(args)
	if len(args) == 1 && args[0] == "options" {
		if err := describeOptions(os.Stdout, name, description, cfg); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
		return
	}
	base, command, err := parse(name, description, cfg, args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	if question != nil {
		if err := question(base.OpsListen); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from now on a signal has its default effect: a second one kills
	switch command := command.(type) {
	case Tool:
		err = command.Execute(ctx, os.Stdout)
	case Service:
		err = Run(ctx, name, *base, command.Start)
	default:
		err = Run(ctx, name, *base, run)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Tool is a command that does one thing and ends: see Main. What it has to say goes to out; an
// error makes the exit code 1. ctx ends at SIGINT or SIGTERM.
type Tool interface {
	Execute(ctx context.Context, out io.Writer) error
}

// Service is a command that goes on: see Main. Its configuration embeds a Config of its own; Start
// is what Main's run is.
type Service interface {
	Start(ctx context.Context, p *Process) error
}

// Run runs a program until ctx ends or one of its components does, and returns when everything in
// it has stopped: nil, or the first failure. Main is this with signals and an exit code.
func Run(ctx context.Context, name string, cfg Config, run func(ctx context.Context, p *Process) error) error {
	log, level, err := newLogger(name, cfg)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }()

	asked := ctx // ends with a signal
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	tracer, err := trace.New(ctx, name, cfg.Trace, log)
	if err != nil {
		return err
	}
	defer func() {
		if err := tracer.Close(); err != nil {
			log.Warn("lost the last traces: the collector does not accept them", zap.Error(err))
		}
	}()
	p := &Process{Log: log, Metrics: prometheus.NewRegistry(), SlowRequest: cfg.SlowRequest, Trace: tracer, level: level, ctx: ctx, cancel: cancel}
	build := buildinfo.Get()
	p.Metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildMetric(build), p.readyMetric())
	log.Info("starting", zap.String("version", build.Version), zap.String("commit", build.Commit), zap.String("date", build.Date))

	// The ops port is up before anything else and down after everything else, so that a slow start
	// and a long drain can both be watched.
	stopOps := func() {}
	if cfg.OpsListen != "" {
		if stopOps, err = p.serveOps(cfg); err != nil {
			return err
		}
	}
	defer stopOps()

	err = run(ctx, p)
	if err == nil {
		p.ready.started.Store(true)
		<-ctx.Done()
	}
	p.ready.stopping.Store(true)
	if err == nil && asked.Err() != nil && cfg.StopDelay > 0 {
		log.Info("stopping soon, and no longer ready", zap.Duration("stop_delay", cfg.StopDelay))
		time.Sleep(cfg.StopDelay) // a second signal kills
	}
	cancel(err)
	p.stop()
	if err == nil {
		err = context.Cause(ctx)
	}
	if errors.Is(err, errStopped) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// buildMetric is a metric whose labels say which build this is; its value is 1.
func buildMetric(b buildinfo.Info) prometheus.Collector {
	m := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "hubbub_build_info", Help: "Which build this is, by its labels. Always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "date": b.Date, "goversion": b.Go},
	})
	m.Set(1)
	return m
}

// readyMetric is what /readyz says, for whoever asks for metrics alone.
func (p *Process) readyMetric() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hubbub_ready", Help: "1 while the process can do its work, as /readyz says, which also says why not.",
	}, func() float64 {
		if p.Ready(p.ctx) != nil {
			return 0
		}
		return 1
	})
}

// stop stops what has been started, the last first, each before the one that it was started after:
// an edge drains while the services and the bus that it needs are still there.
func (p *Process) stop() {
	for {
		p.mu.Lock()
		n := len(p.stops)
		if n == 0 {
			p.mu.Unlock()
			return
		}
		stop := p.stops[n-1]
		p.stops = p.stops[:n-1]
		p.mu.Unlock()
		stop()
	}
}

// Defer has release called when the process stops, after everything that was started later has
// ended.
func (p *Process) Defer(release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stops = append(p.stops, release)
}

// Go runs a component in a goroutine of its own. Its context ends when the process stops and
// everything started later has ended; the process waits for it before it stops what was started
// earlier. A component that returns before stops the process: with its error, if it has one.
func (p *Process) Go(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.ctx))
	done := make(chan struct{})
	p.Defer(func() { cancel(); <-done })
	go func() {
		defer close(done)
		err := run(ctx)
		switch {
		case ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)):
		case err == nil:
			p.cancel(errStopped)
		default:
			p.Log.Error("component failed", zap.String("component", name), zap.Error(err))
			p.cancel(fmt.Errorf("%s: %w", name, err))
		}
	}()
}
