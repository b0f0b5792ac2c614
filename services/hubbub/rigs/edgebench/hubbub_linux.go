package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/services/hubbub/rigs/edgebench/dialect"
)

// openHubbub starts an edge, and a bus as a process of its own beside it. This process stands in
// for the directory, which an edge asks for keys and permissions: everybody may talk everywhere. Of
// the edge's limits, only those on how much a client may send are lifted.
func (b *bench) openHubbub(ctx context.Context, t *target, busAddr, ops string) error {
	tokens, err := b.hubbubTokens()
	if err != nil {
		return err
	}
	t.dialect = dialect.Hubbub(func(i int) string { return tokens.of[i] })
	url, err := b.startBus(ctx, t, busAddr)
	if err != nil {
		return err
	}
	if err := b.standIn(ctx, t, url, tokens.keys); err != nil {
		return err
	}
	t.pprof = "http://" + ops + "/debug/pprof"
	return b.launch(ctx, t, answers("http://"+ops+"/readyz"), filepath.Join(b.bin, "edge"),
		"--listen", t.addr.String(), "--ops-listen", ops, "--pprof", "--bus", url, "--log-level", "warn",
		"--rate", "1000000", "--burst", "1000000", "--user-rate", "0", "--user-bytes", "0", "--guest-bytes", "0")
}

// startBus starts the bus with the settings that we ship.
func (b *bench) startBus(ctx context.Context, t *target, addr string) (url string, err error) {
	data := filepath.Join(b.dir, "bus")
	if b.opts.Bus == "redis" {
		host, port, _ := cutPort(addr)
		t.bus, err = b.start(ctx, "bus", b.otherCores, listening(addr), "redis-server", "--bind", host, "--port", port, "--dir", b.dir,
			"--save", "", "--appendonly", "yes", "--appendfsync", "always", "--appenddirname", "bus", "--maxmemory-policy", "noeviction")
	} else {
		var file string
		file, err = b.config("bus.conf", fmt.Sprintf("listen: %q\nmax_payload: 1MB\njetstream { store_dir: %q, sync_interval: 1s }\n", addr, data))
		if err == nil {
			t.bus, err = b.start(ctx, "bus", b.otherCores, listening(addr), filepath.Join(b.bin, "nats-server"), "--config", file)
		}
	}
	if err != nil {
		return "", fmt.Errorf("bus: %w", err)
	}
	t.stops = append(t.stops, func() {
		t.bus.kill()
		b.clear(data)
	})
	return b.opts.Bus + "://" + addr, nil
}

// standIn answers requests to the directory until the target is stopped.
func (b *bench) standIn(ctx context.Context, t *target, url string, keys json.RawMessage) error {
	conn, err := busurl.Open(ctx, busurl.Config{
		Bus: url, BusMaxAge: 24 * time.Hour, BusMaxBytes: 1 << 30, BusPartitions: 16, BusReplicas: 1, BusTimeout: 10 * time.Second,
	}, zap.NewNop(), nil, api.RequiredGroups)
	if err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	t.stops = append(t.stops, func() { _ = conn.Close() })
	member := directory.Access{Role: directory.RoleMember, Read: true, Send: true}
	if err := answer(ctx, conn, directory.ServiceAccess, func(directory.AccessRequest) directory.Access { return member }); err != nil {
		return err
	}
	if err := answer(ctx, conn, directory.ServiceKeys, func(directory.KeysRequest) json.RawMessage { return keys }); err != nil {
		return err
	}
	return answer(ctx, conn, directory.ServiceSaw, func(directory.SawRequest) directory.SawReply { return directory.SawReply{} })
}

func answer[Req, Rep any](ctx context.Context, rpc bus.RPC, service string, what func(Req) Rep) error {
	_, err := api.Handle(ctx, rpc, service, nil, func(_ context.Context, r Req) (Rep, error) { return what(r), nil })
	if err != nil {
		return fmt.Errorf("answer for the directory: %w", err)
	}
	return nil
}

// verifyCost returns the CPU time for the check of one of Hubbub's tokens, on this machine now.
func (b *bench) verifyCost(ctx context.Context) (time.Duration, error) {
	tokens, err := b.hubbubTokens()
	if err != nil {
		return 0, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	v := auth.NewVerifier(func(context.Context) ([]byte, error) { return tokens.keys, nil })
	const rounds = 5000
	started := time.Duration(0)
	for i := range rounds + 100 {
		if i == 100 { // the caches are warm
			started = cpuOf(unix.CLOCK_THREAD_CPUTIME_ID)
		}
		if _, err := v.Verify(ctx, tokens.of[i%len(tokens.of)]); err != nil {
			return 0, fmt.Errorf("check a token: %w", err)
		}
	}
	return (cpuOf(unix.CLOCK_THREAD_CPUTIME_ID) - started) / rounds, nil
}
