package redisbus

import (
	"slices"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/driver"
)

// servers are the masters that hold the log, and how to find them.
type servers struct {
	cfg       Config
	log       *zap.Logger
	keys      keys
	endpoint  endpoint
	topology  *topology
	sentinels *sentinels // nil: the URL names no Sentinels
	clients   *clients
	retry     driver.Retry
	metrics   *metrics
}

// locate sets up how the driver finds the partitions' servers.
func (b *servers) locate() {
	e, first := b.endpoint, slices.Repeat(b.endpoint.seeds[:1], b.cfg.Partitions)
	switch e.kind {
	case oneServer:
		b.topology = newTopology(first, nil, b.log)
	case withSentinels:
		b.sentinels = newSentinels(e, b.cfg.Partitions)
		// seeds may be Sentinels, which get no commands: start asks them for the servers first
		b.topology = newTopology(first, b.sentinels.find, b.log)
	case onCluster:
		c := newCluster(e, b.keys, b.clients)
		b.topology = newTopology(first, c.find, b.log)
		c.topology = b.topology
	}
}
