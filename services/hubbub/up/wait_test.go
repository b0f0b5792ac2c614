package up

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"hubbub.internal/libs/bus/bustest"
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
	s := begin(t, "--listen", freeAddr(t), "--bus", "redis://:open@"+redisServer.Addr(), "--store", mongo.URL+"?serverSelectionTimeoutMS=200")
	eventually := func(want string) {
		t.Helper()
		s.eventually("readyz says "+want, func() bool { _, body := s.get("/readyz"); return strings.Contains(body, want) })
	}
	eventually("waiting for the bus: redis at " + redisServer.Addr() + " cannot be reached")
	redisServer.Start()
	eventually("waiting for the bus: redis at " + redisServer.Addr() + " refused the login")
	admin := redis.NewClient(&redis.Options{Addr: redisServer.Addr(), Password: "sesame", Protocol: 2})
	defer admin.Close()
	if err := admin.ConfigSet(t.Context(), "requirepass", "open").Err(); err != nil {
		t.Fatal(err)
	}
	eventually("waiting for the store of history: MongoDB at ")
	mongo.Again()
	s.untilReady()
}
