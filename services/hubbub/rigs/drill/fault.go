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
	What string // description
	// do injects the fault and mends it. It returns when everything runs again, or errSkip if the
	// fault is not possible on this machine.
	do    func(ctx context.Context, s *stage) error
	needs need // what the cluster must have
	bound bound
	// fails is how long an operation on the store takes to fail during the fault; 0: the fault does
	// not concern the store.
	fails time.Duration
}

// bound returns the longest time that a message may wait, from when it was due until its
// acknowledgement; 0: there is no bound.
type bound func(c *Config) time.Duration

// within returns a bound for every bus.
func within(d time.Duration) bound { return func(*Config) time.Duration { return d } }

// ifSingle returns a bound for a bus of one server. Several servers that were all away must find
// each other and elect a leader first.
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

// errSkip says that a fault is not possible on this machine.
var errSkip = errors.New("skipped")

// need is a property of a cluster, as flags give it.
type need string

const (
	several   need = "--bus-nodes=3"
	sentinels need = "--bus=redis --bus-nodes=3"
	// Sentinels give clients the servers' own addresses, so that no proxy can stand between
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
	// than presence waits for an edge, than an append may take, and than a caller waits for a
	// reply.
	lost = 20 * time.Second
)

// shortest returns how long the store must be away in a fault for history to use up its retries of
// an entry: only then does the drill see whether history wrongly gives up entries. 0: the fault
// does not concern the store.
func (f Fault) shortest() time.Duration {
	if f.fails == 0 {
		return 0
	}
	return consume.Patience() + consume.Tries*f.fails
}

// Faults lists all faults, in the order in which --list prints them.
var Faults = []Fault{
	{Name: "kill-edge", What: "an edge is killed with -9 and started again", do: killed("edge"), bound: within(3 * time.Second)},
	{Name: "freeze-edge", What: "an edge is frozen (SIGSTOP) for 3 s", do: frozen("edge")},
	{Name: "deploy", What: "all edges are replaced, one by one", do: deploy},
	{Name: "upgrade", What: "all services are replaced by those of this release, one by one, then by those of --previous, and by those of this release again", do: upgrade, needs: another},
	{Name: "scale-edges", What: "all edges but one are stopped at the same moment, as when a deployment scales down, and started again 3 s after they have drained", do: scaleDown, bound: within(3 * time.Second)},
	{Name: "cut-edge", What: "an edge's connections to the bus break, and none can be made for 3 s", do: linked("edge", cluster.Link.Cut), needs: links},
	{Name: "part-edge", What: "nothing passes between an edge and the bus for 3 s, and the connections stay open", do: linked("edge", cluster.Link.Partition), needs: links},
	{Name: "slow-edge", What: "traffic between an edge and the bus takes 100 ms longer, each way, for 3 s", do: linked("edge", slow), needs: links},
	{Name: "reconnect", What: "all sockets reconnect at once", do: func(ctx context.Context, s *stage) error { return s.crowd.Reconnect(ctx) }},

	{Name: "kill-bus", What: "all servers of the bus are killed with -9 and started again", do: killBus, bound: ifSingle(away + 5*time.Second)},
	{Name: "restart-bus", What: "all servers of the bus are stopped and started again", do: restartBus, bound: ifSingle(5 * time.Second)},
	{Name: "freeze-bus", What: "all servers of the bus are frozen (SIGSTOP) for 3 s", do: freezeBus},
	{Name: "full-bus", What: "the disk of the bus's leader is full for 5 s", do: fullBus},
	{Name: "kill-node", What: "a follower of the bus is killed with -9 and started again", do: killNode, needs: several, bound: within(5 * time.Second)},
	{Name: "freeze-node", What: "a follower of the bus is frozen (SIGSTOP) for 3 s", do: freezeNode, needs: several, bound: within(5 * time.Second)},
	{Name: "kill-leader", What: "the bus's leader is killed with -9, and started again when another leads", do: killLeader, needs: several, bound: elected},
	{Name: "freeze-leader", What: "the bus's leader is frozen (SIGSTOP) until another leads", do: freezeLeader, needs: several},
	{Name: "roll-bus", What: "the servers of the bus are restarted one by one", do: rollBus, needs: several},
	{Name: "kill-sentinel", What: "a Sentinel is killed with -9 and started again", do: killed("sentinel"), needs: sentinels, bound: within(3 * time.Second)},

	{Name: "kill-history", What: "history is killed with -9 and started again", do: killed("history"), bound: within(3 * time.Second)},
	{Name: "freeze-history", What: "history is frozen (SIGSTOP) for 3 s", do: frozen("history"), bound: within(3 * time.Second)},
	{Name: "cut-history", What: "history's connections to the bus break, and none can be made for 3 s", do: linked("history", cluster.Link.Cut), needs: links, bound: within(3 * time.Second)},
	{Name: "kill-presence", What: "a presence replica is killed with -9 and started again", do: killed("presence"), bound: within(3 * time.Second)},
	{Name: "freeze-presence", What: "a presence replica is frozen (SIGSTOP) for 3 s", do: frozen("presence"), bound: within(3 * time.Second)},
	{Name: "kill-directory", What: "the directory is killed with -9 and started again", do: killed("directory"), bound: within(3 * time.Second)},
	{Name: "kill-nginx", What: "nginx is killed with -9, which ends all sockets, and started again", do: killed("nginx"), bound: within(away + 3*time.Second)},
	{Name: "lose-edges", What: "every edge is killed with -9, and started again after the outage, or 20 s", do: lose("edge")},
	{Name: "lose-history", What: "every history process is killed with -9, and started again after the outage, or 20 s", do: lose("history"), bound: within(3 * time.Second)},
	{Name: "lose-presence", What: "every presence replica is killed with -9, and started again after the outage, or 20 s", do: lose("presence"), bound: within(3 * time.Second)},
	{Name: "lose-directory", What: "every directory process is killed with -9, all sockets reconnect, and they are started again after the outage, or 20 s", do: loseDirectory},
	{Name: "kill-all", What: "everything is killed with -9 and started again, the bus first", do: killAll},

	{Name: "lock-store", What: "the files of history and the directory cannot be written for the outage", do: lockStore, needs: sqliteFile, bound: within(3 * time.Second), fails: sqlitedb.BusyTimeout},
	{Name: "full-store", What: "the disk of history and the directory is full for the outage", do: fullStore, needs: sqliteFile, bound: within(3 * time.Second), fails: time.Millisecond},
	{Name: "kill-store", What: "the store's server is killed with -9, and started again after the outage", do: killStore, needs: mongoServer, bound: within(3 * time.Second), fails: mongodb.Selection},
	{Name: "freeze-store", What: "the store's server is frozen (SIGSTOP) for the outage", do: freezeStore, needs: mongoServer, bound: within(3 * time.Second), fails: mongodb.Timeout},
}
