package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// newNATS returns a nats-server with the settings of infra/nats/nats.conf, or a cluster of three.
func newNATS(nodes int, bin, dir string) (*Bus, error) {
	b := &Bus{}
	var routes, monitors []string
	for range nodes {
		routes = append(routes, "127.0.0.1:"+strconv.Itoa(freePort()))
		monitors = append(monitors, "127.0.0.1:"+strconv.Itoa(freePort()))
	}
	for i := range nodes {
		name := NATS
		if nodes > 1 {
			name = fmt.Sprintf("%s-%d", NATS, i+1)
		}
		p, err := node(name, dir)
		if err != nil {
			return nil, err
		}
		// The limit is large enough for the stream of every caller. The default is a share of the
		// disk space that is free at the start, and a drill makes that small.
		conf := fmt.Sprintf("listen: %q\nhttp: %q\nserver_name: %q\nmax_payload: 1MB\njetstream { store_dir: %q, sync_interval: 1s, max_file_store: 16GB }\n",
			p.Addr, monitors[i], name, p.Data)
		if nodes > 1 {
			// With no_advertise, clients keep to the addresses that they are given, so that a proxy
			// can stand between.
			conf += fmt.Sprintf("cluster { name: hubbub, listen: %q, no_advertise: true, routes: [ \"nats://%s\" ] }\n",
				routes[i], strings.Join(routes, `", "nats://`))
			p.ready = answers("http://" + monitors[i] + "/healthz?js-server-only=true")
		}
		file := filepath.Join(dir, name+".conf")
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			return nil, fmt.Errorf("configuration of nats-server: %w", err)
		}
		p.path, p.args = filepath.Join(bin, "nats-server"), []string{"--config", file}
		b.Nodes = append(b.Nodes, p)
		b.addrs = append(b.addrs, p.Addr)
	}
	b.URL = "nats://" + strings.Join(b.addrs, ",")
	if nodes == 1 {
		return b, nil
	}
	b.args = []string{"--bus-replicas", strconv.Itoa(nodes)}
	b.leader = func(ctx context.Context) (string, error) { return streamLeader(ctx, monitors) }
	b.whole = func(ctx context.Context) error {
		for _, m := range monitors {
			if err := get(ctx, "http://"+m+"/healthz", nil); err != nil {
				return err
			}
		}
		return nil
	}
	return b, nil
}

var errNoLeader = errors.New("no server leads the stream")

// streamLeader asks all servers who leads the log, and returns the one that names itself. It asks
// them at the same time: a frozen server must not hold up the others.
func streamLeader(ctx context.Context, monitors []string) (string, error) {
	names, errs := make([]string, len(monitors)), make([]error, len(monitors))
	var all sync.WaitGroup
	for i, m := range monitors {
		all.Go(func() { names[i], errs[i] = leads(ctx, m) })
	}
	all.Wait()
	for _, name := range names {
		if name != "" {
			return name, nil
		}
	}
	return "", errors.Join(append(errs, errNoLeader)...)
}

// leads returns the name of a server if it leads the log, and "" otherwise.
func leads(ctx context.Context, monitor string) (string, error) {
	var report struct {
		Accounts []struct {
			Streams []struct {
				Name    string `json:"name"`
				Cluster struct {
					Leader string `json:"leader"`
				} `json:"cluster"`
			} `json:"stream_detail"`
		} `json:"account_details"`
	}
	var self struct {
		Name string `json:"server_name"`
	}
	if err := errors.Join(get(ctx, "http://"+monitor+"/jsz?streams=true", &report), get(ctx, "http://"+monitor+"/varz", &self)); err != nil {
		return "", err
	}
	for _, a := range report.Accounts {
		for _, s := range a.Streams {
			if s.Name == "HUB" && s.Cluster.Leader == self.Name {
				return self.Name, nil
			}
		}
	}
	return "", nil
}

// get decodes the JSON that a URL answers into v, unless v is nil.
func get(ctx context.Context, url string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	if v == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(v)
}
