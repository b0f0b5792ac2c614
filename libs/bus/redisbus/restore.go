package redisbus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/redisbus/internal/ackbuffer"
)

// A promoted replica may lack the end of the log, and so may a restarted server. So a lane buffers
// what was acknowledged lately (Config.Keep). Whenever its server may have become another or an
// older one, the lane asks whether the log still has those entries, before it appends anything
// else. It appends lost entries again, with the same ids, in the same order and before anything
// newer: a sender's messages stay in order.

// acked is what a lane buffers of what was acknowledged.
type acked struct {
	keep  uint32 // seconds; 0: nothing is buffered
	limit int    // bytes

	// the server that has the buffered entries, as far as is known; empty: not known
	addr        string
	needsVerify atomic.Bool // set by any goroutine: the server may be another one by now
	entries     *ackbuffer.Buffer
	reported    int     // bytes that the metrics count
	lastAck     lastAck // the entry that was acknowledged last
	lastSeenUp  uint32  // when the server last answered, in seconds
	// lost by an earlier server: to be appended again, before anything else
	lost  []ackbuffer.Entry
	count int         // how many have been appended again
	why   error       // why the last try failed
	idle  *time.Timer // fires when nothing has been appended for a while
}

// lastAck is the entry that was acknowledged last; each batch asks whether the log still has it.
// That finds a loss that nothing else tells of: another server behind the same address, or one that
// was restarted while the lane was idle. The zero lastAck is none.
type lastAck struct {
	partition int
	logged
}

// logged is an acknowledged entry: its place and what identifies it.
type logged struct {
	seq    uint64
	record []byte
}

// errLogLost says that the log has lost entries that it had acknowledged.
var errLogLost = errors.New("the log has lost entries")

// ask puts the question at the beginning of a batch.
func (m lastAck) ask(ctx context.Context, pipe redis.Pipeliner, k keys) *redis.Cmd {
	if m.seq == 0 {
		return nil
	}
	return pipe.Do(ctx, "HSTRLEN", k.data(m.partition), m.seq)
}

// lost reports whether the answer means that the log has lost the entry. It may also have been
// removed.
func (l *lane) lost(ctx context.Context, server *redis.Client, answer *redis.Cmd) bool {
	m := l.acked.lastAck
	if answer == nil {
		return false
	}
	if n, err := answer.Int(); err != nil || n == len(m.record) {
		return false
	}
	n, err := l.a.b.missing(ctx, server, m.partition, []logged{m.logged})
	if n > 0 {
		l.acked.lastAck = lastAck{} // buffered entries may be younger, and all in the log
	}
	return err != nil || n > 0
}

// started is long before anything is buffered, so that seconds are never negative.
var started = time.Now().Add(-time.Hour)

func seconds() uint32 { return uint32(time.Since(started) / time.Second) }

func newAcked(cfg Config, lanes int) acked {
	limit := int(cfg.KeepBytes) / lanes
	idle := time.NewTimer(time.Hour)
	idle.Stop()
	return acked{keep: uint32(cfg.Keep / time.Second), limit: limit, entries: ackbuffer.New(limit), idle: idle}
}

// wait sets the timer after which an idle lane frees its memory.
func (m *acked) wait() {
	if m.entries.Size() > 0 {
		m.idle.Reset(time.Duration(m.keep+1) * time.Second)
	}
}

// verify makes all lanes ask their servers whether they still have what they acknowledged. It does
// not wait.
func (a *appender) verify() {
	for _, l := range a.lanes {
		l.acked.needsVerify.Store(true)
		l.poke()
	}
}

// check makes sure that the lane's server has the buffered entries, or finds out which it has lost.
// It asks only if there is a reason.
func (l *lane) check(ctx context.Context) error {
	m, b := &l.acked, l.a.b
	addr, _ := b.topology.at(l.partition)
	if !m.needsVerify.Swap(false) && addr == m.addr {
		return nil
	}
	// Not ctx itself: on Close the lane still appends lost entries again.
	if err := l.compare(context.WithoutCancel(ctx), addr); err != nil {
		m.needsVerify.Store(true)
		b.look(ctx)
		return fmt.Errorf("ask what the log has: %w", err)
	}
	m.addr = addr
	l.trim()
	return nil
}

// compare moves the entries that the server has lost from the buffer to lost.
func (l *lane) compare(ctx context.Context, addr string) error {
	m, b := &l.acked, l.a.b
	since := m.lastSeenUp - min(m.lastSeenUp, m.keep)
	byPartition := make(map[int][]logged)
	m.entries.Each(since, func(e ackbuffer.Entry) {
		p := b.keys.partition(string(e.Room))
		byPartition[p] = append(byPartition[p], logged{e.Seq, e.Record})
	})
	first := make(map[int]uint64) // the Seq from which on entries are lost
	for p, all := range byPartition {
		slices.SortFunc(all, func(a, b logged) int { return cmp.Compare(b.seq, a.seq) })
		n, err := b.missing(ctx, b.clients.at(addr), p, all)
		if err != nil {
			return err
		}
		if n > 0 {
			first[p] = all[n-1].seq
		}
	}
	if len(first) == 0 {
		return nil
	}
	there := ackbuffer.New(m.limit)
	var lost []ackbuffer.Entry
	m.entries.Each(since, func(e ackbuffer.Entry) {
		if from, ok := first[b.keys.partition(string(e.Room))]; ok && e.Seq >= from {
			lost = append(lost, e)
			return
		}
		there.Add(e.At, e.Seq, string(e.Room), e.Record)
	})
	b.log.Info("Redis has lost acknowledged entries; appending them again", zap.String("server", addr), zap.Int("entries", len(lost)))
	m.entries, m.lastAck = there, lastAck{} // lost still uses the memory of the old entries
	m.lost = append(lost, m.lost...)
	return nil
}

// missing returns how many of a partition's entries, the newest first, the server has lost. A log
// loses only its end: if nothing is lost, one question is enough; otherwise some more find where it
// ends.
func (b *servers) missing(ctx context.Context, server *redis.Client, partition int, all []logged) (n int, err error) {
	keys := []string{b.keys.data(partition), b.keys.gone(partition), b.keys.meta(partition)}
	has := func(i int) bool {
		if err != nil {
			return true
		}
		attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		var there bool
		there, err = hasScript.Run(attempt, server, keys, all[i].seq, recordIDs(all[i].record)).Bool()
		return there
	}
	if has(0) {
		return 0, err
	}
	n = 1 + sort.Search(len(all)-1, func(i int) bool { return has(1 + i) })
	if err != nil {
		return 0, err
	}
	return n, nil
}

// nextLost returns the next batch of lost entries, with at most one entry of each sender in a room:
// if the server refused the first and took the second, their order would change.
func (l *lane) nextLost() []*pending {
	m := &l.acked
	senders := make(map[string]bool)
	var batch []*pending
	for bytes := 0; len(batch) < min(batchEntries, len(m.lost)); {
		lost := &m.lost[len(batch)]
		e, err := decodeRecord(string(lost.Record))
		if err != nil {
			panic(err) // encodeRecord made it
		}
		e.Room = string(lost.Room)
		bytes += len(lost.Record)
		sender := e.Room + "." + e.Sender
		if len(batch) > 0 && (bytes > batchBytes || senders[sender]) {
			break
		}
		senders[sender] = true
		p := l.a.pending(bus.NewEntry{Room: e.Room, Sender: e.Sender, ID: e.ID, Data: e.Data}, nil)
		p.lost = lost
		batch = append(batch, p)
	}
	m.lost = m.lost[len(batch):]
	return batch
}

// requeueLost puts the lost entries back that have to be tried again, before the rest.
func (l *lane) requeueLost(again []*pending) {
	l.acked.why = again[0].why
	lost := make([]ackbuffer.Entry, 0, len(again)+len(l.acked.lost))
	for _, p := range again {
		lost = append(lost, *p.lost)
	}
	l.acked.lost = append(lost, l.acked.lost...)
}

// restored ends the repeat of an entry that the log had lost.
func (l *lane) restored(p *pending, got bus.Appended, err error) {
	switch b := l.a.b; {
	case err != nil:
		b.log.Error("an acknowledged entry that Redis lost cannot be appended again: it is lost for good",
			zap.String("room", p.room), zap.Uint64("seq", p.lost.Seq), zap.Error(err))
	case !got.Duplicate:
		l.acked.count++
		b.metrics.restored.Inc()
	}
}

// restoredAll logs that all lost entries are in the log again.
func (l *lane) restoredAll() {
	m := &l.acked
	if m.count > 0 {
		l.a.b.log.Warn("Redis had lost acknowledged entries, in a failover to a replica without them or with its disk; they were appended again",
			zap.Int("entries", m.count))
	}
	m.count, m.lost, m.why = 0, nil, nil
}

// remember buffers an acknowledged entry, including one that another process appended first, since
// that process may not live as long.
func (l *lane) remember(p *pending, got bus.Appended) {
	m := &l.acked
	if m.keep == 0 {
		return
	}
	m.entries.Add(seconds(), got.Seq, p.room, p.record)
	// a duplicate may have another content, which costs one more question
	if !got.Duplicate || m.lastAck.seq == 0 {
		m.lastAck = lastAck{p.partition, logged{got.Seq, p.record}}
	}
	l.trim()
}

// trim evicts what the server, which has just answered, has had for long enough.
func (l *lane) trim() {
	m := &l.acked
	m.lastSeenUp = seconds()
	m.entries.Trim(m.lastSeenUp - m.keep)
	l.report()
}

// report tells the metrics how much is buffered.
func (l *lane) report() {
	m := &l.acked
	if size := m.entries.Size(); size != m.reported {
		l.a.b.metrics.kept.Add(float64(size - m.reported))
		m.reported = size
	}
}

// closeTimeout is how long Close may take to append lost entries again.
const closeTimeout = 5 * time.Second

// restoreLast appends lost entries before the bus is closed, if the server accepts them. After that
// the buffer is empty.
func (l *lane) restoreLast(ctx context.Context) {
	m := &l.acked
	m.needsVerify.Store(true)
	for until := time.Now().Add(closeTimeout); time.Now().Before(until); {
		err := l.check(ctx)
		if err != nil {
			m.why = err
			l.a.b.log.Debug("closed without knowing whether Redis still has every acknowledged entry", zap.Error(err))
		}
		if len(m.lost) == 0 {
			break
		}
		if err == nil {
			again := l.send(ctx, l.nextLost())
			if len(again) == 0 {
				continue
			}
			l.requeueLost(again)
		}
		time.Sleep(driver.RetryPause)
	}
	if n := len(m.lost); n > 0 {
		l.a.b.log.Error("closed before all acknowledged entries that Redis lost were appended again: they are lost for good", zap.Int("entries", n), zap.Error(m.why))
	}
	m.idle.Stop()
	m.entries = ackbuffer.New(0)
	l.report()
}
