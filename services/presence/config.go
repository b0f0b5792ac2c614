package presence

import (
	"errors"
	"fmt"
	"time"
)

// Config is what the presence service can be told.
type Config struct {
	EdgeHeartbeat time.Duration `help:"How often edges send heartbeats (100ms to 1m); the edges' own setting." default:"${edge_heartbeat=5s}"`
	EdgeExpiry    time.Duration `help:"Silence after which an edge counts as dead, and its users as offline; two heartbeats or more, at most 10m." default:"15s"`
	Flap          time.Duration `help:"Users who reconnect within this time do not show as offline in between (0s to 1m)." default:"5s"`
	Coalesce      time.Duration `help:"Changes in a room within this time are sent to watchers together (10ms to 10s)." default:"250ms"`
	BigRoom       int           `help:"Number of online users above which watchers of a room get only counts, and a client that asks gets the count first (1 to 100000)." default:"1000"`
	BigRoomEvery  time.Duration `help:"Least time between two such counts for a room (10ms to 1m)." default:"1s"`
	AuditEvery    time.Duration `help:"How often to compare the known sessions with the sockets that the edges have (10ms to 24h). 0: never." default:"5m"`
	Snapshots     int           `help:"How many edges to ask for all of their sessions at the same time (1 to 64)." default:"4"`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	var errs []error
	within := func(name string, d, least, most time.Duration) {
		if d < least || d > most {
			errs = append(errs, fmt.Errorf("--%s is %s; it has to be %s to %s", name, d, least, most))
		}
	}
	within("edge-heartbeat", c.EdgeHeartbeat, 100*time.Millisecond, time.Minute)
	within("edge-expiry", c.EdgeExpiry, 2*c.EdgeHeartbeat, 10*time.Minute)
	within("flap", c.Flap, 0, time.Minute)
	within("coalesce", c.Coalesce, 10*time.Millisecond, 10*time.Second)
	within("big-room-every", c.BigRoomEvery, 10*time.Millisecond, time.Minute)
	if c.AuditEvery != 0 {
		within("audit-every", c.AuditEvery, 10*time.Millisecond, 24*time.Hour)
	}
	if c.BigRoom < 1 || c.BigRoom > 100_000 {
		errs = append(errs, fmt.Errorf("--big-room is %d; it has to be 1 to 100000", c.BigRoom))
	}
	if c.Snapshots < 1 || c.Snapshots > 64 {
		errs = append(errs, fmt.Errorf("--snapshots is %d; it has to be 1 to 64", c.Snapshots))
	}
	return errors.Join(errs...)
}
