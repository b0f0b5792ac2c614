package redisbus

import (
	"errors"
	"io"
	"net"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/redisbus/internal/ackbuffer"
)

// TestLostMoreThanOnce: a lane whose server does not answer asks it again before it appends
// anything, and what it finds to be lost comes before what it knows to be lost already.
func TestLostMoreThanOnce(t *testing.T) {
	t.Parallel()
	b, _ := openAlone(t)
	d := alone(t)
	d.cfg.Keep, d.cfg.Partitions = bus.DedupeWindow/2, b.Driver.cfg.Partitions
	d.endpoint, d.topology, d.keys = b.Driver.endpoint, b.Driver.topology, b.Driver.keys
	d.clients = newClients(b.Driver.clients.options)
	defer func() { d.clients.close() }()
	d.appends = newAppender(d, 1)
	l := d.appends.lanes[0]
	m := &l.acked
	if err := l.check(t.Context()); err != nil || m.addr == "" {
		t.Fatalf("the server at %q: %v", m.addr, err)
	}
	room := "room"
	l.partition = d.keys.partition(room)
	record := encodeRecord(bus.NewEntry{Room: room, Sender: "ann", ID: "1"})
	m.entries.Add(seconds(), 17, room, record) // which the log does not have
	before := ackbuffer.Entry{Seq: 18, Room: []byte(room), Record: record}
	m.lost = []ackbuffer.Entry{before}
	m.needsVerify.Store(true)
	here := d.clients
	d.clients = newClients(d.clients.options)
	d.clients.close() // every call fails
	if err := l.check(t.Context()); err == nil || !m.needsVerify.Load() || len(m.lost) != 1 {
		t.Errorf("without an answer: %v, to be asked again: %t, lost: %d", err, m.needsVerify.Load(), len(m.lost))
	}
	d.clients = here
	if err := l.check(t.Context()); err != nil || m.needsVerify.Load() {
		t.Errorf("with an answer: %v, to be asked again: %t", err, m.needsVerify.Load())
	}
	if len(m.lost) != 2 || m.lost[0].Seq != 17 || m.lost[1].Seq != 18 || m.entries.Size() != 0 {
		t.Errorf("lost are %+v, and %d bytes are kept", m.lost, m.entries.Size())
	}
}

// TestHopeless: Open gives up at once where a few seconds change nothing: of several servers,
// another may take over.
func TestHopeless(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, tt := range []struct {
		kind kind
		err  error
		want bool
	}{
		{oneServer, refused, true},
		{onCluster, refused, false},
		{withSentinels, refused, false},
		{oneServer, &net.OpError{Op: "read", Err: io.EOF}, false},
		{oneServer, errors.New("ERR max number of clients reached"), false},
		{withSentinels, errNoMaster, true},
		{withSentinels, errNoSentinel, true},
	} {
		b := &servers{endpoint: endpoint{kind: tt.kind}}
		if got := b.hopeless(tt.err); got != tt.want {
			t.Errorf("kind %v, %v: %t, want %t", tt.kind, tt.err, got, tt.want)
		}
	}
}
