package busurl_test

import (
	"testing"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/busurl"
	"hubbub.internal/libs/bus/natsembed"
)

// TestSwap: after a change from one bus to the other, either way, positions in the old log are told
// to be void, and Seqs go on.
func TestSwap(t *testing.T) {
	for _, order := range [][2]string{{"redis", "nats"}, {"nats", "redis"}, {"redis", "redis"}, {"nats", "nats"}} {
		t.Run(order[0]+" to "+order[1], func(t *testing.T) {
			t.Parallel()
			open := func(kind string) bus.Log {
				url := "embedded:" + t.TempDir()
				if kind == "redis" {
					url = bustest.Redis(t).URL()
				}
				cfg := parse(t, "--bus="+url)
				cfg.Embed = natsembed.InProcess
				b, err := busurl.Open(t.Context(), cfg, zap.NewNop(), nil, []string{"history"})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = b.Close() })
				return b
			}
			bustest.CheckLostLog(t, open(order[0]), func() bus.Log { return open(order[1]) })
		})
	}
}
