package redisbus

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/chat"
)

const (
	benchRooms   = 16
	benchSenders = 4096 // each with one append in flight
)

// benchEntry returns the nth entry of a benchmark run: 100 bytes, of a sender and to a room like an edge's.
func benchEntry(run string, n int) bus.NewEntry {
	return bus.NewEntry{
		Room: "room-" + strconv.Itoa(n%benchRooms), Sender: "sender-" + strconv.Itoa(n%benchSenders),
		ID: run + strconv.Itoa(n), Data: benchData,
	}
}

var benchData = make([]byte, 100)

// BenchmarkAppend is Append, from as many senders as an edge has; compare it with BenchmarkBareScript of the same run.
func BenchmarkAppend(b *testing.B) {
	hub := benchBus(b)
	run := chat.NewID()
	slots := make(chan struct{}, benchSenders)
	var wg sync.WaitGroup
	done := func(_ bus.Appended, err error) {
		if err != nil {
			b.Error(err)
		}
		<-slots
		wg.Done()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		slots <- struct{}{}
		wg.Add(1)
		hub.Append(benchEntry(run, n), done)
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// BenchmarkBareScript is what Append is measured against: the same script with the same arguments, made in advance, in
// pipelines of the same length on as many connections, by the client library alone.
func BenchmarkBareScript(b *testing.B) {
	hub := benchBus(b)
	run := chat.NewID()
	var perLane [lanes][]*pending
	for n := range b.N {
		p := hub.appends.pending(benchEntry(run, n), nil)
		perLane[n%lanes] = append(perLane[n%lanes], p)
	}
	ctx := context.Background()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for _, all := range perLane {
		wg.Go(func() {
			for len(all) > 0 {
				k := min(len(all), batchEntries)
				pipe := hub.at(0).Pipeline()
				for _, p := range all[:k] {
					pipe.Do(ctx, p.command...)
				}
				cmds, err := pipe.Exec(ctx)
				if err != nil || len(cmds) != k {
					b.Error(err)
					return
				}
				all = all[k:]
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

func benchBus(b *testing.B) *Bus {
	hub, err := Open(b.Context(), Config{URL: bustest.Redis(b).URL()}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = hub.Close() })
	if err := appendScript.Load(b.Context(), hub.at(0)).Err(); err != nil {
		b.Fatal(err)
	}
	return hub
}
