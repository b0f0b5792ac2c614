package e2e

import (
	"fmt"
	"path/filepath"
	"testing"

	"hubbub.internal/services/hubbub/cluster"
)

// TestUp has people chat through `hubbub up`, and kills all of it with -9 in mid-talk: every acknowledged message is
// there, once, in order. The same with each bus swapped in by flag.
func TestUp(t *testing.T) {
	for _, bus := range []string{"", cluster.Redis, cluster.NATS} {
		t.Run("bus="+bus, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			up := cluster.Up(bin, dir)
			if bus != "" {
				server, url, err := cluster.StartBus(t.Context(), bus, bin, filepath.Join(dir, "server"))
				if err != nil {
					t.Fatal(err)
				}
				defer server.Kill()
				up = cluster.Up(bin, dir, "--bus", url)
			}
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
