package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"hubbub.internal/libs/mongotest"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// TestUp has people chat through `hubbub up`, and kills all of it with -9 in mid-talk: every
// acknowledged message is there, once, in order. The same with each bus, and with a store that is a
// server, swapped in by flag.
func TestUp(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		bus   string // empty: the embedded one
		mongo bool
	}{
		{name: "nothing swapped"},
		{name: "Redis", bus: cluster.Redis},
		{name: "NATS", bus: cluster.NATS},
		{name: "MongoDB", mongo: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var swap []string
			if tt.bus != "" {
				server, url, err := cluster.StartBus(t.Context(), tt.bus, bin, filepath.Join(dir, "server"))
				if err != nil {
					t.Fatal(err)
				}
				defer server.Kill()
				swap = append(swap, "--bus", url)
			}
			if tt.mongo {
				swap = append(swap, "--store", mongotest.URL(t))
			}
			up := cluster.Up(bin, dir, swap...)
			if err := up.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer up.Kill()
			url := "http://" + up.Addr

			people := make([]*person, 3)
			for i := range people {
				people[i] = enter(t, url, url, fmt.Sprint("up-", i))
				people[i].join("lobby")
			}
			whileKilling(t, people, "lobby", up, up, up)
			up.Stop()
		})
	}
}
