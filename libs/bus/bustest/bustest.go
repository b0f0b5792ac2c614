// Package bustest checks a driver against the promises of package bus, and starts the servers that tests of buses need.
// It owns the conformance suite, which every driver runs, and a redis-server process (natsembed is the NATS
// counterpart); it knows no driver. Only tests import it.
package bustest
