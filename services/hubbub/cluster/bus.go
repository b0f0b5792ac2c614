package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// StartBus starts the server of a bus, Redis or NATS, with its data in dir, and returns it and the URL for --bus.
func StartBus(ctx context.Context, bus, bin, dir string) (*Process, string, error) {
	p, url, err := newBus(bus, bin, dir)
	if err != nil {
		return nil, "", err
	}
	return p, url, p.Start(ctx)
}

func newBus(bus, bin, dir string) (*Process, string, error) {
	port := strconv.Itoa(freePort())
	addr := "127.0.0.1:" + port
	data := filepath.Join(dir, bus)
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, "", fmt.Errorf("folder of the bus: %w", err)
	}
	p := &Process{Name: bus, dir: dir, ready: listening(addr)}
	switch bus {
	case Redis:
		// The settings of docker-compose.yml.
		p.path = "redis-server"
		p.args = []string{
			"--port", port, "--bind", "127.0.0.1", "--dir", data, "--save", "",
			"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
		}
	case NATS:
		// The settings of infra/nats/nats.conf.
		file := filepath.Join(dir, "nats.conf")
		conf := fmt.Sprintf("listen: %q\nmax_payload: 1MB\njetstream { store_dir: %q, sync_interval: 1s }\n", addr, data)
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			return nil, "", fmt.Errorf("configuration of nats-server: %w", err)
		}
		p.path, p.args = filepath.Join(bin, "nats-server"), []string{"--config", file}
	default:
		return nil, "", fmt.Errorf("the bus is %s or %s, not %q", Redis, NATS, bus)
	}
	return p, bus + "://" + addr, nil
}
