package redisbus

import (
	"slices"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
)

// servers are the masters that have the log, and how to ask them.
type servers struct {
	cfg       Config
	log       *zap.Logger
	keys      keys
	endpoint  endpoint
	topology  *topology
	sentinels *sentinels // nil without
	clients   *clients
	retry     driver.Retry
	metrics   *metrics
}

// locate sets up how the bus knows where the partitions are.
func (b *servers) locate() {
	e, first := b.endpoint, slices.Repeat(b.endpoint.seeds[:1], b.cfg.Partitions)
	switch e.kind {
	case oneServer:
		b.topology = newTopology(first, nil, b.log)
	case withSentinels:
		b.sentinels = newSentinels(e, b.cfg.Partitions)
		// nothing is asked of a Sentinel's address: start looks first
		b.topology = newTopology(first, b.sentinels.find, b.log)
	case onCluster:
		c := newCluster(e, b.keys, b.clients)
		b.topology = newTopology(first, c.find, b.log)
		c.topology = b.topology
	}
}
