package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"hubbub.internal/services/hubbub/rigs/edgebench/clients"
)

// The cases.
const (
	caseIdle   = "idle"
	caseFanout = "fanout"
	caseRooms  = "rooms"
	caseBig    = "big"
)

var caseNames = []string{caseIdle, caseFanout, caseRooms, caseBig}

var cases = map[string]func(context.Context, *bench) error{
	caseIdle: idle, caseFanout: fanout, caseRooms: rooms, caseBig: big,
}

const (
	textBytes = 100
	bigBytes  = 4 << 10
	warming   = time.Second

	// speakers is how many members of a room speak at most. Hubbub's edge has one message of each
	// sender at a time on its way to the log, to keep their order.
	speakers = 256

	// most is how many messages are on their way in a flood: fewer if that would be more deliveries
	// than mostDeliveries, more bytes for a client than mostBytes, or more than perSender for a
	// speaker.
	most           = 512
	mostDeliveries = 400_000
	mostBytes      = 256 << 10
	perSender      = 32
)

func window(t clients.Talk) int {
	return max(1, min(most, perSender*len(t.Senders), max(16, mostDeliveries/t.Fan), mostBytes/t.Size))
}

// idleBase sockets are open before the memory of idle ones is measured, so that the server has made
// what it makes once.
const idleBase = 50

// idle logs clients in, joins all of them to the same room, and leaves them idle.
func idle(ctx context.Context, b *bench) error {
	b.table = newTable("Sockets that log in, join a room, and are idle",
		"server", "sockets", "log-ins/s", "CPU per log-in", "CPU per join", "RSS per socket", "heap and stacks per socket")
	var steps []int
	for _, n := range []int{1000, 5000, 10_000, b.opts.Sockets} {
		if n <= b.opts.Sockets && (len(steps) == 0 || n > steps[len(steps)-1]) {
			steps = append(steps, n)
		}
	}
	var names []string
	for _, name := range b.opts.Servers {
		names = append(names, name)
		if name == nameCentrifugo {
			names = append(names, nameUnsigned)
		}
	}
	return b.each(ctx, func(t *target) error { return b.idleOne(t, steps) }, names, nil)
}

func (b *bench) idleOne(t *target, steps []int) error {
	base, shared, err := t.server.statm()
	if err != nil {
		return err
	}
	s, err := crowd(t, idleBase, lobby)
	if err != nil {
		return err
	}
	defer s.Close()
	used0, resident0, err := memory(t)
	if err != nil {
		return err
	}
	for _, n := range steps {
		had, profiled := s.Len(), func() {}
		if n == steps[len(steps)-1] {
			profiled = b.profileOf(t, "log-in")
		}
		cpu, started := t.server.cpu(), time.Now()
		if err := s.Grow(n, inFlight, patience); err != nil {
			return err
		}
		took, login := time.Since(started), t.server.cpu()-cpu
		profiled()
		time.Sleep(200 * time.Millisecond)
		cpu = t.server.cpu()
		if err := s.Join(lobby, inFlight, patience); err != nil {
			return err
		}
		joining := t.server.cpu() - cpu
		used, resident, err := memory(t)
		if err != nil {
			return err
		}
		m := idled{
			sockets: n, rate: float64(n-had) / took.Seconds(), login: login / time.Duration(n-had), joining: joining / time.Duration(n-had),
			resident: float64(resident-resident0) / float64(n-idleBase), used: float64(used-used0) / float64(n-idleBase),
			base: base, shared: shared,
		}
		b.seen.idle(t.name, m)
		b.table.row(t.name, count(n), count(int(m.rate)), micros(m.login), micros(m.joining), octets(m.resident), octetsOr(m.used, t.pprof != ""))
	}
	return nil
}

// memory returns the memory that a server has in use, if it is a Go program, and its resident
// memory, both after a garbage collection.
func memory(t *target) (used, resident int64, err error) {
	time.Sleep(time.Second) // until the work that log-ins and joins began is over
	if t.collect != nil {
		t.collect()
	}
	if t.pprof != "" {
		if used, err = goMemory(t.pprof); err != nil {
			return 0, 0, err
		}
	}
	resident, err = t.server.resident()
	return used, resident, err
}

// fanout measures one room, with a growing number of subscribers.
func fanout(ctx context.Context, b *bench) error {
	for _, n := range b.opts.Rooms {
		if n < 1 || n > b.opts.Sockets {
			fmt.Printf("\n(Not measured: a room of %d. A server may have 1 to %d sockets here: see --sockets and the limit of open files.)\n", n, b.opts.Sockets)
			continue
		}
		rate := 20.0
		switch {
		case b.opts.Rate > 0:
			rate = b.opts.Rate
		case n > 1000:
			rate = 2 // 20,000 deliveries per second, as with 1,000
		}
		b.table = talkTable(fmt.Sprintf("One room of %s: %.0f messages of %d bytes per second, and as many as go", count(n), rate, textBytes))
		err := b.each(ctx, func(t *target) error {
			return b.talk(t, fmt.Sprintf("room-of-%d", n), n, lobby, clients.Talk{Senders: first(min(n, speakers)), Fan: n, Size: textBytes}, rate, true)
		}, b.opts.Servers, nil)
		if err != nil {
			return err
		}
	}
	return nil
}

// rooms measures many small rooms.
func rooms(ctx context.Context, b *bench) error {
	const members = 10
	n := min(1000, b.opts.Sockets/members)
	if n < 1000 {
		fmt.Printf("\n(%d rooms rather than 1,000: a server may have %d sockets here.)\n", n, b.opts.Sockets)
	}
	const rate = 2000
	b.table = talkTable(fmt.Sprintf("%s rooms of %d: %d messages of %d bytes per second in all, and as many as go", count(n), members, rate, textBytes))
	return b.each(ctx, func(t *target) error {
		room := func(i int) string { return fmt.Sprintf("room-%d", i%n) }
		return b.talk(t, "small-rooms", n*members, room, clients.Talk{Senders: first(n), Fan: members, Size: textBytes}, rate, true)
	}, b.opts.Servers, map[string]string{nameFloor: "it knows no rooms"})
}

// big measures large messages: 1 MB/s for each of 100 subscribers.
func big(ctx context.Context, b *bench) error {
	const n, rate = 100, 250
	b.table = talkTable(fmt.Sprintf("One room of %d: %d messages of %d bytes per second, 1 MB/s for each", n, rate, bigBytes))
	return b.each(ctx, func(t *target) error {
		return b.talk(t, "big", n, lobby, clients.Talk{Senders: first(n), Fan: n, Size: bigBytes}, rate, false)
	}, b.opts.Servers, nil)
}

// talk measures one server in one case: at a fixed rate and, if flood, as fast as the server
// delivers.
func (b *bench) talk(t *target, what string, n int, room func(int) string, talk clients.Talk, rate float64, flood bool) error {
	s, err := crowd(t, n, room)
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Steady(talk, rate, warming); err != nil {
		return err
	}
	before := t.usage()
	h, err := s.Steady(talk, rate, b.opts.Duration)
	if err != nil {
		return err
	}
	m := spent(h, before, t.usage())
	b.seen.talk(what, "steady", t.name, m)
	b.table.row(append([]string{t.name, "fixed"}, m.cells()...)...)
	if !flood {
		return nil
	}
	profiled := b.profileOf(t, what)
	before = t.usage()
	var after usage
	h, err = s.Flood(talk, window(talk), b.opts.Duration, func() { after = t.usage() })
	if err != nil {
		return err
	}
	profiled()
	m = spent(h, before, after)
	b.seen.talk(what, "flood", t.name, m)
	b.table.row(append([]string{t.name, "saturated"}, m.cells()...)...)
	return nil
}

// usage is CPU time used so far.
type usage struct{ server, bus, clients time.Duration }

func (t *target) usage() usage {
	u := usage{server: t.server.cpu(), clients: cpuOf(unix.CLOCK_PROCESS_CPUTIME_ID)}
	if t.bus != nil {
		u.bus = t.bus.cpu()
	}
	return u
}

func first(n int) []int {
	is := make([]int, n)
	for i := range is {
		is[i] = i
	}
	return is
}
