package edge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"hubbub.internal/services/edge"
)

// peerFolder has the ws package's client, which the test installs by its lock file where it is
// missing.
const peerFolder = "testdata/peer"

// TestPeerWS talks to the edge by the ws package of Node.js, on both transports, compressed and
// not.
func TestPeerWS(t *testing.T) {
	if _, err := os.Stat(filepath.Join(peerFolder, "node_modules/ws/package.json")); err != nil {
		install := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
		install.Dir = peerFolder
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci in %s: %v\n%s", peerFolder, err, out)
		}
	}
	transports(t, func(t *testing.T, w *world, conf func(*edge.Config)) {
		for mode, extensions := range map[string]string{"plain": "", "compress": "permessage-deflate"} {
			t.Run(mode, func(t *testing.T) {
				e := w.edge(conf, compressing)
				var stderr bytes.Buffer
				peer := exec.CommandContext(t.Context(), "node", "peer.js", fmt.Sprintf("ws://%s/v1/ws", e.Addr()), w.token(mode), mode)
				peer.Dir, peer.Stderr = peerFolder, &stderr
				out, err := peer.Output()
				if err != nil {
					t.Fatalf("%v\n%s", err, stderr.Bytes())
				}
				var got struct {
					Extensions, Pong string
					Lengths          []int
					Code             int
				}
				if err := json.Unmarshal(out, &got); err != nil {
					t.Fatalf("%s: %v", out, err)
				}
				if got.Extensions != extensions || got.Pong != "between" || len(got.Lengths) != 8 || got.Code != 4321 {
					t.Errorf("the peer says %s", out)
				}
				if n := e.count("hubbub_edge_compressed_total"); mode == "compress" && n < 4 || mode == "plain" && n != 0 {
					t.Errorf("compressed %v messages", n)
				}
			})
		}
	})
}
