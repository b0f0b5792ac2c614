package redisbus

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/chat"
)

const (
	benchRooms   = 16
	benchSenders = 4096 // each with one append in flight
)

// benchEntry returns the nth entry of a benchmark run: 100 bytes, of a sender and to a room like an
// edge's.
func benchEntry(run string, n int) bus.NewEntry {
	return bus.NewEntry{
		Room: "room-" + strconv.Itoa(n%benchRooms), Sender: "sender-" + strconv.Itoa(n%benchSenders),
		ID: run + strconv.Itoa(n), Data: benchData,
	}
}

var benchData = make([]byte, 100)

// BenchmarkAppend measures Append, from as many senders as an edge has, against the bare script:
// the same script with the same arguments, made in advance, in pipelines of the same length on as
// many connections, by the client library alone. The two take turns, so that both see the same
// machine; ratio is the one's rate by the other's.
func BenchmarkAppend(b *testing.B) {
	const turn = 20_000
	hub := benchBus(b)
	run := chat.NewID()
	var ours, bare time.Duration
	n := 0
	for b.Loop() {
		began := time.Now()
		appendAll(b, hub, run, n, turn)
		ours += time.Since(began)
		var all [lanes][]*pending
		for i := n + turn; i < n+2*turn; i++ {
			all[i%lanes] = append(all[i%lanes], hub.Driver.appends.pending(benchEntry(run, i), nil))
		}
		began = time.Now()
		runBare(b, hub, all)
		bare += time.Since(began)
		n += 2 * turn
	}
	rate := func(d time.Duration) float64 { return float64(n/2) / d.Seconds() }
	b.ReportMetric(rate(ours), "appends/s")
	b.ReportMetric(rate(bare), "bare/s")
	b.ReportMetric(rate(ours)/rate(bare), "ratio")
	b.ReportMetric(0, "ns/op")
}

func appendAll(b *testing.B, hub opened, run string, first, n int) {
	slots := make(chan struct{}, benchSenders)
	var wg sync.WaitGroup
	done := func(_ bus.Appended, err error) {
		if err != nil {
			b.Error(err)
		}
		<-slots
		wg.Done()
	}
	for i := range n {
		slots <- struct{}{}
		wg.Add(1)
		hub.Append(benchEntry(run, first+i), done)
	}
	wg.Wait()
}

func runBare(b *testing.B, hub opened, all [lanes][]*pending) {
	ctx := context.Background()
	var wg sync.WaitGroup
	for _, some := range all {
		wg.Go(func() {
			for len(some) > 0 {
				k := min(len(some), batchEntries)
				pipe := hub.Driver.at(0).Pipeline()
				for _, p := range some[:k] {
					pipe.Do(ctx, p.command...)
				}
				if _, err := pipe.Exec(ctx); err != nil {
					b.Error(err)
					return
				}
				some = some[k:]
			}
		})
	}
	wg.Wait()
}

func benchBus(b *testing.B) opened {
	// as shipped
	hub := openBoth(b, Config{URL: bustest.Redis(b).URL(), Keep: 30 * time.Second}, nil)
	b.Cleanup(func() { _ = hub.Close() })
	if err := appendScript.Load(b.Context(), hub.Driver.at(0)).Err(); err != nil {
		b.Fatal(err)
	}
	return hub
}
