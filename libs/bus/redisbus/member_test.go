package redisbus

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
	"hubbub.internal/libs/bus/driver"
)

// holding is a member's set of partitions that nobody reads.
type holding struct {
	all  []driver.Partition
	lost []int
}

func (h *holding) Count() (all, staying int) { return len(h.all), len(h.all) }

func (h *holding) Has(n int) bool {
	return slices.ContainsFunc(h.all, func(p driver.Partition) bool { return p.Number() == n })
}

func (h *holding) Each(do func(driver.Partition)) {
	for _, p := range h.all {
		do(p)
	}
}

func (h *holding) Assign(p driver.Partition) { h.all = append(h.all, p) }

func (h *holding) GiveUp(keep int, _ func(driver.Partition)) { h.all = h.all[:min(keep, len(h.all))] }

func (h *holding) Lose(p driver.Partition) { h.lost = append(h.lost, p.Number()) }

func (h *holding) numbers() []int {
	var numbers []int
	for _, p := range h.all {
		numbers = append(numbers, p.Number())
	}
	slices.Sort(numbers)
	return numbers
}

func openAlone(t *testing.T) (opened, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewRegistry()
	return openBoth(t, Config{URL: bustest.Redis(t).URL(), Partitions: 4, TrimEvery: time.Hour}, reg), reg
}

// TestShare: a member takes its share of the partitions, each once, keeps the leases of those that
// it has, and loses only one that another member has.
func TestShare(t *testing.T) {
	t.Parallel()
	b, _ := openAlone(t)
	d, ctx := b.Driver, t.Context()
	join := func() *member {
		t.Helper()
		m, err := d.Join(ctx, "group", &holding{})
		if err != nil {
			t.Fatal(err)
		}
		return m.(*member)
	}
	one := join()
	h := one.held.(*holding)
	has := func(what string, want ...int) {
		t.Helper()
		began := time.Now()
		if _, err := one.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		if got := h.numbers(); !slices.Equal(got, want) {
			t.Errorf("%s: it has %v, want %v", what, got, want)
		}
		for _, p := range h.all {
			until := time.Unix(0, p.(*partition).lease.Load())
			if until.Before(began.Add(d.leaseTime())) || until.After(time.Now().Add(d.leaseTime())) {
				t.Errorf("%s: the lease of %d ends in %s", what, p.Number(), time.Until(until))
			}
		}
	}
	has("alone", 0, 1, 2, 3)
	given := func(p driver.Partition) bool { return p.Number() == 2 }
	h.all = slices.DeleteFunc(h.all, given)
	has("one is free", 0, 1, 2, 3)
	lease := func(n int) string { return d.keys.lease(n, "group") }
	if err := d.at(1).Del(ctx, lease(1)).Err(); err != nil { // it has expired
		t.Fatal(err)
	}
	if _, err := one.Refresh(ctx); err != nil || len(h.lost) > 0 {
		t.Errorf("after a lease has expired, %v are lost: %v", h.lost, err)
	}
	if err := d.at(3).Set(ctx, lease(3), "another", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Refresh(ctx); err != nil || !slices.Equal(h.lost, []int{3}) {
		t.Errorf("after another has taken 3, %v are lost: %v", h.lost, err)
	}

	two := join()
	if _, err := two.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Refresh(ctx); err != nil || len(h.all) != 2 {
		t.Errorf("one of two members has %v, %v", h.numbers(), err)
	}
	two.Leave()
	one.Leave()
	if n, err := d.at(0).ZCard(ctx, d.keys.members("group")).Result(); n != 0 || err != nil {
		t.Errorf("%d members are left, %v", n, err)
	}
}

// TestReadsEndWithConsume: a read that waits for entries ends as soon as its consumer does.
func TestReadsEndWithConsume(t *testing.T) {
	t.Parallel()
	b, _ := openAlone(t)
	ctx, cancel := context.WithCancel(t.Context())
	m, err := b.Driver.Join(ctx, "group", &holding{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Leave()
	reads := m.(*member).reads
	read := make(chan error, 1)
	go func() {
		addr, _ := b.Driver.topology.at(0)
		forEver := &redis.XReadArgs{Streams: []string{b.Driver.keys.log(0), "$"}}
		read <- reads.at(addr).XRead(context.Background(), forEver).Err()
	}()
	cancel()
	select {
	case err := <-read:
		if err == nil {
			t.Error("the read came to something")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the read goes on")
	}
}

// TestRemovedWhileReading: an entry that is removed between the two steps of a read is left out,
// and nobody is alarmed.
func TestRemovedWhileReading(t *testing.T) {
	t.Parallel()
	b, _ := openAlone(t)
	d, ctx := b.Driver, t.Context()
	n := d.keys.partition("room")
	var refs []redis.XMessage
	for i := range 3 {
		a, err := bus.Append(ctx, b, bus.NewEntry{Room: "room", Sender: "ann", ID: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, redis.XMessage{ID: fmt.Sprint(a.Seq, "-0"), Values: map[string]any{"r": "room"}})
	}
	if err := d.at(n).HDel(ctx, d.keys.data(n), refs[1].ID[:len(refs[1].ID)-2]).Err(); err != nil {
		t.Fatal(err)
	}
	core, logged := observer.New(zap.WarnLevel)
	reader := alone(t)
	reader.cfg.Partitions, reader.keys, reader.topology, reader.clients, reader.log = d.cfg.Partitions, d.keys, d.topology, d.clients, zap.New(core)
	p := &partition{m: &member{b: reader}, number: n}
	batch, err := p.fetch(ctx, refs)
	if err != nil || len(batch) != 2 || batch[0].ID != "0" || batch[1].ID != "2" || batch[1].Room != "room" {
		t.Errorf("%+v, %v", batch, err)
	}
	if logged.Len() > 0 {
		t.Errorf("logged: %v", logged.All())
	}
}

// TestRefusedForGood: an append that the server will never take ends at once, with its answer, and
// none of those that have ended counts as waiting.
func TestRefusedForGood(t *testing.T) {
	t.Parallel()
	b, _ := openAlone(t)
	d, ctx := b.Driver, t.Context()
	say := func(id string) error {
		_, err := bus.Append(ctx, b, bus.NewEntry{Room: "room", Sender: "ann", ID: id})
		return err
	}
	if err := say("1"); err != nil { // the server knows the script from now on
		t.Fatal(err)
	}
	n := d.keys.partition("room")
	if err := d.at(n).Set(ctx, d.keys.log(n), "another's", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if err := d.at(n).ConfigResetStat(ctx).Err(); err != nil {
		t.Fatal(err)
	}
	if err := say("2"); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Errorf("the append ends with %v", err)
	}
	stats := parseInfo(d.at(n).Info(ctx, "commandstats").Val())
	if got := stats["cmdstat_evalsha"]; !strings.HasSuffix(got, "failed_calls=1") {
		t.Errorf("the append was sent more than once: %q", got)
	}
	if waiting := testutil.ToFloat64(d.metrics.InFlight); waiting != 0 {
		t.Errorf("%v appends wait", waiting)
	}
}

// TestNotConfirmed: what the server has not confirmed in time is no subscription.
func TestNotConfirmed(t *testing.T) {
	t.Parallel()
	b, _ := openAlone(t)
	d := b.Driver
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Listen(ctx, "channel", func([]byte) {}); err == nil {
		t.Error("nobody waited for it, and it is confirmed")
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		channels, err := d.at(0).PubSubChannels(t.Context(), d.keys.channel("channel")).Result()
		wanted := 0
		for _, c := range d.channels.all {
			c.mu.Lock()
			for _, one := range c.channels {
				if one.name == d.keys.channel("channel") && one.wanted {
					wanted++
				}
			}
			c.mu.Unlock()
		}
		if err == nil && len(channels) == 0 && wanted == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the server has %v, and %d are wanted: %v", channels, wanted, err)
		}
	}
}
