package up

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/daemon"
	"hubbub.internal/libs/mongotest"
)

// TestStartWaits starts everything before the bus and the store are there, then with a password
// that the bus does not know: it waits, says for what and why, and goes on by itself.
func TestStartWaits(t *testing.T) {
	t.Parallel()
	redisServer := bustest.Redis(t, "--requirepass", "sesame")
	redisServer.Stop()
	mongo := mongotest.Start(t)
	mongo.Kill()
	var cfg Config
	parser, err := kong.New(&cfg, Vars())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{
		"--data", t.TempDir(), "--web", "none", "--listen", freeAddr(t), "--directory-hash-memory", "64",
		"--bus", "redis://:open@" + redisServer.Addr(), "--store", mongo.URL + "?serverSelectionTimeoutMS=200",
	}); err != nil {
		t.Fatal(err)
	}
	ops := freeAddr(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, "hubbub", daemon.Config{OpsListen: ops, LogLevel: "error"}, func(ctx context.Context, p *daemon.Process) error {
			return Start(ctx, p, cfg, io.Discard)
		})
	}()
	eventually := func(want string) {
		t.Helper()
		var last string
		for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			select {
			case err := <-ended:
				t.Fatalf("before %q it ended: %v", want, err)
			default:
			}
			r, err := http.Get("http://" + ops + "/readyz")
			if err != nil {
				continue // the ops port is not up yet
			}
			body, _ := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if last = string(body); strings.Contains(last, want) {
				return
			}
		}
		t.Fatalf("readyz says %q, want %q", last, want)
	}
	eventually("waiting for the bus: redis at " + redisServer.Addr() + " cannot be reached")
	redisServer.Start()
	eventually("waiting for the bus: redis at " + redisServer.Addr() + " refused the login")
	admin := redis.NewClient(&redis.Options{Addr: redisServer.Addr(), Password: "sesame", Protocol: 2})
	defer admin.Close()
	if err := admin.ConfigSet(ctx, "requirepass", "open").Err(); err != nil {
		t.Fatal(err)
	}
	eventually("waiting for the store of history: MongoDB at ")
	mongo.Again()
	eventually("ready")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
