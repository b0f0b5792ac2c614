package natsbus

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/natsembed"
	"hubbub.internal/libs/chat"
)

const (
	benchRooms   = 16
	benchSenders = 4096 // each with one append in flight
)

var benchData = make([]byte, 100)

// benchEntry returns the nth entry of a benchmark run: 100 bytes, of a sender and to a room like an
// edge's.
func benchEntry(run string, n int) bus.NewEntry {
	return bus.NewEntry{
		Room: "room-" + strconv.Itoa(n%benchRooms), Sender: "sender-" + strconv.Itoa(n%benchSenders),
		ID: run + strconv.Itoa(n), Data: benchData,
	}
}

// BenchmarkAppend measures Append, from as many senders as an edge has, against the client
// library's own asynchronous publishing: the same messages, made in advance, to the same stream,
// with as many on their way. (The library's reorders a sender's messages when a leader is lost; see
// appender.) The two take turns, so that both see the same machine; ratio is the one's rate by the
// other's.
func BenchmarkAppend(b *testing.B) {
	const turn = 20_000
	s, err := natsembed.Start(natsembed.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Shutdown()
	hub := openBoth(b, Config{Servers: s.URL(), MaxBytes: 8 << 30}, nil)
	nc, err := nats.Connect(s.URL())
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	raw, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(benchSenders))
	if err != nil {
		b.Fatal(err)
	}
	run := chat.NewID()
	var ours, bare time.Duration
	n := 0
	for b.Loop() {
		began := time.Now()
		appendAll(b, hub, run, n, turn)
		ours += time.Since(began)
		msgs := make([]*nats.Msg, turn)
		for i := range msgs {
			e := benchEntry(run, n+turn+i)
			msgs[i] = &nats.Msg{Subject: hub.Driver.names.room(e.Room), Header: nats.Header{headerID: {key(e)}}, Data: e.Data}
		}
		began = time.Now()
		publishAll(b, raw, msgs)
		bare += time.Since(began)
		n += 2 * turn
	}
	rate := func(d time.Duration) float64 { return float64(n/2) / d.Seconds() }
	b.ReportMetric(rate(ours), "appends/s")
	b.ReportMetric(rate(bare), "raw/s")
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

func publishAll(b *testing.B, js jetstream.JetStream, msgs []*nats.Msg) {
	futures := make([]jetstream.PubAckFuture, len(msgs))
	for i, m := range msgs {
		var err error
		if futures[i], err = js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	for _, f := range futures {
		select {
		case <-f.Ok():
		case err := <-f.Err():
			b.Fatal(err)
		default:
			b.Fatal(errors.New("no acknowledgement"))
		}
	}
}

// Benchmark measures what every driver is measured by.
func Benchmark(b *testing.B) {
	s, err := natsembed.Start(natsembed.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Shutdown()
	bustest.Benchmark(b, func(t testing.TB) bus.Interface {
		hub := openBoth(t, Config{Servers: s.URL(), MaxBytes: 8 << 30}, nil)
		t.Cleanup(func() { _ = hub.Close() })
		return hub
	})
}
