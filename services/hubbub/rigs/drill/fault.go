package drill

import (
	"context"
	"errors"
	"time"

	"hubbub.internal/libs/bus/consume"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// Fault is something that goes wrong and is mended.
type Fault struct {
	Name string
	What string // in words
	// do injects the fault and mends it. It returns when everything runs again. errSkip: it cannot
	// be had on this machine.
	do    func(ctx context.Context, s *stage) error
	needs need // that the cluster has to have
	bound bound
	// fails is how long an operation of the store takes to fail meanwhile; 0: this is no fault of
	// the store.
	fails time.Duration
}

// bound is how long a message may wait at most, from when it was due until it is acknowledged; 0:
// that is not promised.
type bound func(c *Config) time.Duration

// within is a bound for every bus.
func within(d time.Duration) bound { return func(*Config) time.Duration { return d } }

// ifSingle is a bound for a bus of one server. Several that have all been away have to find each
// other and elect one first.
func ifSingle(d time.Duration) bound {
	return func(c *Config) time.Duration {
		if c.BusNodes > 1 {
			return 0
		}
		return d
	}
}

// elected is the bound for the death of a bus's leader. nats-server waits for 4 to 9 s, by chance,
// before its servers elect another, and has no setting for that.
func elected(c *Config) time.Duration {
	if c.Bus == cluster.NATS {
		return 10 * time.Second
	}
	return 5 * time.Second
}

// errSkip says that a fault cannot be had on this machine.
var errSkip = errors.New("skipped")

// need is a property of a cluster, as flags give it.
type need string

const (
	several   need = "--bus-nodes=3"
	sentinels need = "--bus=redis --bus-nodes=3"
	// Sentinels tell where the servers are: no proxy stands between
	links       need = "--bus=nats or --bus-nodes=1"
	sqliteFile  need = "--store=sqlite"
	mongoServer need = "--store=mongodb"
	// another release to run beside this one
	another need = "--previous"
)

// has reports whether the cluster of a configuration has what a fault needs.
func (c *Config) has(n need) bool {
	switch n {
	case several:
		return c.BusNodes > 1
	case sentinels:
		return c.BusNodes > 1 && c.Bus == cluster.Redis
	case links:
		return c.BusNodes == 1 || c.Bus == cluster.NATS
	case sqliteFile:
		return c.Store == "sqlite"
	case another:
		return c.Previous != ""
	case mongoServer:
		return c.Store == "mongodb"
	}
	return true
}

// How long things stay broken.
const (
	away  = time.Second     // a process that was killed, before it is started again
	stuck = 3 * time.Second // a process that is frozen, or a connection that is cut

	// lost is how long all processes of a service are away, if the outage is not shorter: longer
	// than presence waits for an edge, than an append may take, and than anybody waits for a reply.
	lost = 20 * time.Second
)

// shortest returns how long the store has to be away in a fault for history to have tried an entry
// as often as it ever does: one that is wrongly given up then is seen. 0: the fault is none of the
// store.
func (f Fault) shortest() time.Duration {
	if f.fails == 0 {
		return 0
	}
	return consume.Patience() + consume.Tries*f.fails
}

// Faults are all that a drill knows, in the order in which help lists them.
var Faults = []Fault{
	{Name: "kill-edge", What: "an edge is killed with -9 and started again", do: killed("edge"), bound: within(3 * time.Second)},
	{Name: "freeze-edge", What: "an edge is stopped for 3 s and goes on", do: frozen("edge")},
	{Name: "deploy", What: "all edges are replaced, one by one", do: deploy},
	{Name: "upgrade", What: "all services are replaced by those of this release, one by one, then by those of --previous, and again", do: upgrade, needs: another},
	{Name: "scale-edges", What: "the last replicas are taken away: all edges but one are stopped at the same moment, and started again 3 s after they have drained", do: scaleDown, bound: within(3 * time.Second)},
	{Name: "cut-edge", What: "an edge's connections to the bus break, and none can be made for 3 s", do: linked("edge", cluster.Link.Cut), needs: links},
	{Name: "part-edge", What: "nothing passes between an edge and the bus for 3 s, and nobody is told", do: linked("edge", cluster.Link.Hush), needs: links},
	{Name: "slow-edge", What: "all between an edge and the bus takes 100 ms longer, each way, for 3 s", do: linked("edge", slow), needs: links},
	{Name: "reconnect", What: "all sockets reconnect at once", do: func(ctx context.Context, s *stage) error { return s.crowd.Reconnect(ctx) }},

	{Name: "kill-bus", What: "the bus is killed with -9, all of it, and started again", do: killBus, bound: ifSingle(away + 5*time.Second)},
	{Name: "restart-bus", What: "the bus is stopped, all of it, and started again", do: restartBus, bound: ifSingle(5 * time.Second)},
	{Name: "freeze-bus", What: "the bus is stopped for 3 s, all of it, and goes on", do: freezeBus},
	{Name: "full-bus", What: "the disk of the bus's server that leads is full for 5 s", do: fullBus},
	{Name: "kill-node", What: "a server of the bus that does not lead is killed with -9 and started again", do: killNode, needs: several, bound: within(5 * time.Second)},
	{Name: "freeze-node", What: "a server of the bus that does not lead is stopped for 3 s and goes on", do: freezeNode, needs: several, bound: within(5 * time.Second)},
	{Name: "kill-leader", What: "the bus's leader is killed with -9, and started again when another leads", do: killLeader, needs: several, bound: elected},
	{Name: "freeze-leader", What: "the bus's leader is stopped, and goes on when another leads", do: freezeLeader, needs: several},
	{Name: "roll-bus", What: "the servers of the bus are restarted one by one", do: rollBus, needs: several},
	{Name: "kill-sentinel", What: "a Sentinel is killed with -9 and started again", do: killed("sentinel"), needs: sentinels, bound: within(3 * time.Second)},

	{Name: "kill-history", What: "history is killed with -9 and started again", do: killed("history"), bound: within(3 * time.Second)},
	{Name: "freeze-history", What: "history is stopped for 3 s and goes on", do: frozen("history"), bound: within(3 * time.Second)},
	{Name: "cut-history", What: "history's connections to the bus break, and none can be made for 3 s", do: linked("history", cluster.Link.Cut), needs: links, bound: within(3 * time.Second)},
	{Name: "kill-presence", What: "a presence replica is killed with -9 and started again", do: killed("presence"), bound: within(3 * time.Second)},
	{Name: "freeze-presence", What: "a presence replica is stopped for 3 s and goes on", do: frozen("presence"), bound: within(3 * time.Second)},
	{Name: "kill-directory", What: "the directory is killed with -9 and started again", do: killed("directory"), bound: within(3 * time.Second)},
	{Name: "kill-nginx", What: "nginx is killed with -9, and all sockets with it, and started again", do: killed("nginx"), bound: within(away + 3*time.Second)},
	{Name: "lose-edges", What: "every edge is killed with -9, and started again after the outage, or 20 s", do: lose("edge")},
	{Name: "lose-history", What: "every history is killed with -9, and started again after the outage, or 20 s", do: lose("history"), bound: within(3 * time.Second)},
	{Name: "lose-presence", What: "every presence replica is killed with -9, and started again after the outage, or 20 s", do: lose("presence"), bound: within(3 * time.Second)},
	{Name: "lose-directory", What: "every directory is killed with -9, all sockets reconnect, and it is started again after the outage, or 20 s", do: loseDirectory},
	{Name: "kill-all", What: "everything is killed with -9 and started again, the bus first", do: killAll},

	{Name: "lock-store", What: "the files of history and the directory cannot be written for the outage", do: lockStore, needs: sqliteFile, bound: within(3 * time.Second), fails: sqlitedb.BusyTimeout},
	{Name: "full-store", What: "the disk of history and the directory is full for the outage", do: fullStore, needs: sqliteFile, bound: within(3 * time.Second), fails: time.Millisecond},
	{Name: "kill-store", What: "the store's server is killed with -9, and started again after the outage", do: killStore, needs: mongoServer, bound: within(3 * time.Second), fails: mongodb.Selection},
	{Name: "freeze-store", What: "the store's server is stopped for the outage and goes on", do: freezeStore, needs: mongoServer, bound: within(3 * time.Second), fails: mongodb.Timeout},
}
