package natsbus

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// TestStoredNames: releases that run at the same time, or one after the other, find what is stored
// only under the same names.
func TestStoredNames(t *testing.T) {
	t.Parallel()
	n := newNames("HUB", 16, chat.IsUserRoom)
	for got, want := range map[string]string{
		n.room("lobby"): "hub.log.3.lobby", n.liveRoom("lobby"): "hub.live.3.lobby", n.room("u-ann"): "hub.log.14.u.u-ann", n.livePersonal(): "hub.live.*.u.*",
		n.inPartition(3): "hub.log.3.>", n.redriven("history", 3): "hub.again.history.3", n.channel: "hub.chan.", n.rpc: "hub.rpc.", n.member: "hub.member.",
		n.dead: "hub.dead.", n.probe: "hub.probe.", n.fence: "hub.fence", n.moved: "hub.moved.", n.moving: "hub.moving.",
		n.deadStream(): "HUB_DEAD", n.movedStream(): "HUB_MOVED", n.stateBucket(): "HUB_STATE",
		requiredKey("history"): "required.history", offsetKey("history", 3): "offset.history.3", removedKey(17): "removed.17",
		key(bus.NewEntry{Room: "lobby", Sender: "ann", ID: "m1"}): "lobby.ann.m1",
	} {
		if got != want {
			t.Errorf("%s was %s", got, want)
		}
	}
}

// TestForeignStream: a stream with which promises would be broken is refused, and the error names
// each setting.
func TestForeignStream(t *testing.T) {
	t.Parallel()
	want := (&store{cfg: Config{Stream: "HUB", Partitions: 16, Dedupe: time.Minute, MaxBytes: 1 << 30}, names: newNames("HUB", 16, chat.IsUserRoom)}).streamConfig()
	for says, change := range map[string]func(*jetstream.StreamConfig){
		// which only costs memory
		"":                   func(c *jetstream.StreamConfig) { c.Duplicates *= 2 },
		"not made by Hubbub": func(c *jetstream.StreamConfig) { c.Metadata = nil },
		"version 2, and":     func(c *jetstream.StreamConfig) { c.Metadata = map[string]string{metaOwner: "2", metaPartitions: "16"} },
		"version 0, and":     func(c *jetstream.StreamConfig) { c.Metadata = map[string]string{metaOwner: "0", metaPartitions: "16"} },
		"has 8 partitions": func(c *jetstream.StreamConfig) {
			c.Metadata = map[string]string{metaOwner: metaVersion, metaPartitions: "8"}
		},
		"(subjects)":                       func(c *jetstream.StreamConfig) { c.Subjects = c.Subjects[:1] },
		"(retention)":                      func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
		"(discard)":                        func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"(storage)":                        func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"(republish)":                      func(c *jetstream.StreamConfig) { c.RePublish = nil },
		"(max_age)":                        func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"(max_msgs)":                       func(c *jetstream.StreamConfig) { c.MaxMsgs = 1 },
		"(max_msgs_per_subject)":           func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 1 },
		"(duplicate_window)":               func(c *jetstream.StreamConfig) { c.Duplicates-- },
		"(allow_direct)":                   func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"(allow_rollup_hdrs)":              func(c *jetstream.StreamConfig) { c.AllowRollup = false },
		"(deny_delete, deny_purge)":        func(c *jetstream.StreamConfig) { c.DenyDelete = true },
		"(deny_delete, deny_purge, max_ag": func(c *jetstream.StreamConfig) { c.DenyPurge, c.MaxAge = true, time.Hour },
		"(sealed)":                         func(c *jetstream.StreamConfig) { c.Sealed = true },
		"(no_ack)":                         func(c *jetstream.StreamConfig) { c.NoAck = true },
		"(mirror or sources)":              func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{}} },
		"(mirror or sources, republish)": func(c *jetstream.StreamConfig) {
			c.Mirror, c.RePublish = &jetstream.StreamSource{}, &jetstream.RePublish{}
		},
	} {
		have := want
		change(&have)
		err := checkStream(have, want)
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// TestTimeLeft: whoever serves believes a requester's time only within limits.
func TestTimeLeft(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"1": time.Millisecond, "1500": 1500 * time.Millisecond, "3600000": time.Hour, "3600001": time.Hour, "9223372036854775807": time.Hour,
		"0": defaultTimeout, "-1": defaultTimeout, "": defaultTimeout, "soon": defaultTimeout, "9223372036854775808": defaultTimeout,
	} {
		if got := timeLeft(&nats.Msg{Header: nats.Header{headerTimeout: {text}}}); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// TestAnswersReachAsFar: how far an answer reaches is never before the position that was asked for,
// also if the server that answers is behind; and the rest of an answer that was cut, of which
// nothing is left, reaches as far as its beginning.
func TestAnswersReachAsFar(t *testing.T) {
	t.Parallel()
	for after, want := range map[uint64]uint64{10: 10, 7: 9} {
		rep, err := (&store{}).read(t.Context(), "room", after, 5, bus.Head{Position: bus.Position{Seq: 6}, Through: 9})
		if rep.Through != want || len(rep.Entries) > 0 || err != nil {
			t.Errorf("after %d: %+v, %v, want it to reach through %d", after, rep, err, want)
		}
	}
	if through, err := (&store{}).noLasts(t.Context(), getRequest{Seq: 5, UpTo: 9}); through != 9 || err != nil {
		t.Errorf("the rest of an answer reaches through %d, %v", through, err)
	}
}
