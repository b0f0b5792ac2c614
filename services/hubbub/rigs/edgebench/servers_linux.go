package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"hubbub.internal/libs/freeport"
	"hubbub.internal/services/hubbub/rigs/edgebench/dialect"
)

// The servers, and a variant of one.
const (
	nameHubbub     = "hubbub"
	nameCentrifugo = "centrifugo"
	nameNATS       = "nats"
	nameSocketIO   = "socketio"
	nameFloor      = "floor"

	nameUnsigned = nameCentrifugo + ", signatures unchecked"
)

var serverNames = []string{nameHubbub, nameCentrifugo, nameNATS, nameSocketIO, nameFloor}

// Centrifugo's default pings. It disconnects a client that answers later than pong ("no pong"),
// also when the answer is late because the server's own deliveries fill the socket.
const (
	centrifugoPing = "25s"
	centrifugoPong = "8s"
)

// settings describe the configuration of each server, as far as it affects the measurement.
var settings = map[string]string{
	nameHubbub: "as shipped, but for the limits on what a client may send; with a bus of its own, and a stand-in for the directory; " +
		"pings a silent socket after 25 s, and closes it after 60 s",
	nameCentrifugo: "memory engine, no history, no recovery, no bus; pings each client every " + centrifugoPing + ", and disconnects it when it has not " +
		"answered within " + centrifugoPong + " (its defaults)",
	nameNATS:     "core NATS over WebSocket, without JetStream; pings each client every 2 minutes (its default)",
	nameSocketIO: "one Node.js process, WebSocket only; pings each client every 25 s, and disconnects it when it has not answered within 20 s (its defaults)",
	nameFloor:    "writes each message to every client with one write(2), and knows no rooms and no pings",
}

// target is a measured server.
type target struct {
	name    string
	dialect dialect.Dialect
	addr    netip.AddrPort
	server  *process
	bus     *process // beside it; nil: none
	pprof   string   // URL of its profiles; empty: it is no Go program
	collect func()   // makes it collect its garbage, where pprof is empty; nil: it has none
	stops   []func()
}

func (t *target) stop() {
	for i := len(t.stops) - 1; i >= 0; i-- {
		t.stops[i]()
	}
}

// open starts a server by its name.
func (b *bench) open(ctx context.Context, name string) (t *target, err error) {
	t = &target{name: name}
	defer func() {
		if err != nil {
			t.stop()
		}
	}()
	ports := make([]string, 3)
	for i := range ports {
		if ports[i], err = freeport.Addr(); err != nil {
			return nil, err
		}
	}
	if t.addr, err = netip.ParseAddrPort(ports[0]); err != nil {
		return nil, err
	}
	switch name {
	case nameHubbub:
		return t, b.openHubbub(ctx, t, ports[1], ports[2])
	case nameCentrifugo, nameUnsigned:
		return t, b.openCentrifugo(ctx, t, name == nameCentrifugo)
	case nameNATS:
		return t, b.openNATS(ctx, t, ports[1], ports[2])
	case nameSocketIO:
		t.dialect = dialect.SocketIO()
		err := b.launch(ctx, t, listening(ports[0]), "node", "--expose-gc", filepath.Join(b.here, "socketio/server.js"), ports[0])
		t.collect = func() {
			_ = t.server.cmd.Process.Signal(syscall.SIGUSR2)
			time.Sleep(time.Second)
		}
		return t, err
	default:
		t.dialect = dialect.Floor()
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		return t, b.launch(ctx, t, listening(ports[0]), self, "floor", "--listen", ports[0])
	}
}

// launch starts the measured process of a target on its core.
func (b *bench) launch(ctx context.Context, t *target, ready func() error, argv ...string) error {
	p, err := b.start(ctx, "server", b.serverCore, ready, argv...)
	if err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	t.server = p
	t.stops = append(t.stops, p.kill)
	return nil
}

// config writes a configuration file, as JSON unless it is text.
func (b *bench) config(name string, content any) (string, error) {
	text, ok := content.(string)
	if !ok {
		j, err := json.Marshal(content)
		if err != nil {
			return "", err
		}
		text = string(j)
	}
	file := filepath.Join(b.dir, name)
	return file, os.WriteFile(file, []byte(text), 0o600)
}

type object map[string]any

// openCentrifugo starts Centrifugo with its memory engine: no history, no recovery, no bus.
func (b *bench) openCentrifugo(ctx context.Context, t *target, verify bool) error {
	tokens, err := b.centrifugoTokens()
	if err != nil {
		return err
	}
	t.dialect = dialect.Centrifugo(func(i int) string { return tokens.of[i] })
	file, err := b.config("centrifugo.json", object{
		"http_server": object{"address": t.addr.Addr().String(), "port": t.addr.Port()},
		"log":         object{"level": "error"},
		"client": object{
			"allowed_origins":                      []string{"*"},
			"ping_interval":                        centrifugoPing,
			"pong_timeout":                         centrifugoPong,
			"token":                                object{"ecdsa_public_key": tokens.public},
			"insecure_skip_token_signature_verify": !verify,
		},
		"channel": object{"without_namespace": object{"allow_subscribe_for_client": true, "allow_publish_for_client": true}},
		"health":  object{"enabled": true},
		"debug":   object{"enabled": true},
	})
	if err != nil {
		return fmt.Errorf("configuration of Centrifugo: %w", err)
	}
	url := "http://" + t.addr.String()
	t.pprof = url + "/debug/pprof"
	return b.launch(ctx, t, answers(url+"/health"), filepath.Join(b.bin, "centrifugo"), "-c", file)
}

// openNATS starts a nats-server for clients over WebSocket: core NATS, without JetStream.
func (b *bench) openNATS(ctx context.Context, t *target, plain, prof string) error {
	t.dialect = dialect.NATS()
	at, err := netip.ParseAddrPort(prof)
	if err != nil {
		return err
	}
	file, err := b.config("nats.conf", fmt.Sprintf("listen: %q\nprof_port: %d\nwebsocket { listen: %q, no_tls: true }\n", plain, at.Port(), t.addr))
	if err != nil {
		return fmt.Errorf("configuration of nats-server: %w", err)
	}
	t.pprof = "http://" + prof + "/debug/pprof"
	return b.launch(ctx, t, listening(t.addr.String()), filepath.Join(b.bin, "nats-server"), "--config", file)
}
