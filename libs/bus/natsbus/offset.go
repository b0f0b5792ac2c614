package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"hubbub.internal/libs/bus/driver"
)

// Keys of the bucket.
const (
	trimmedName    = "trimmed"  // the Seq through which retention may have removed entries
	advancedName   = "advanced" // the same of Advance
	requiredPrefix = "required."
)

func requiredKey(group string) string { return requiredPrefix + group }

func offsetKey(group string, partition int) string {
	return "offset." + group + "." + strconv.Itoa(partition)
}

// offset is what a group has consumed of a partition, and which member reads it now. It is written
// by compare-and-set, so a member that was wrongly taken for dead cannot acknowledge anything any
// more.
type offset struct {
	Owner string `json:"owner,omitempty"` // a member's id; empty: nobody
	Seq   uint64 `json:"seq"`             // the group has consumed everything through it
}

// offset returns what is stored, and the revision to write it by; the zero offset and revision 0 if
// there is none.
func (b *store) offset(ctx context.Context, group string, partition int) (offset, uint64, error) {
	ctx, done := b.attempt(ctx)
	defer done()
	var o offset
	e, err := b.state.Get(ctx, offsetKey(group, partition))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return o, 0, nil
	}
	if err != nil {
		return o, 0, err
	}
	if err := json.Unmarshal(e.Value(), &o); err != nil {
		return o, 0, fmt.Errorf("offset of group %s in partition %d: %w", group, partition, err)
	}
	return o, e.Revision(), nil
}

// setOffset writes o if the revision is still the stored one, and returns the new revision.
// driver.ErrLost: another member has written the offset and has the partition.
func (b *store) setOffset(ctx context.Context, group string, partition int, o offset, revision uint64) (uint64, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return 0, err
	}
	outer := ctx
	ctx, done := b.attempt(ctx)
	defer done()
	next, err := b.state.Update(ctx, offsetKey(group, partition), data, revision)
	if err == nil {
		return next, nil
	}
	// The write may have taken effect although its acknowledgement was lost, or a retry of it may
	// have met the first try.
	have, at, getErr := b.offset(outer, group, partition)
	switch {
	case getErr != nil:
		return 0, err
	case at > revision && have == o:
		return at, nil
	// by another member, or by the operator who restored an older store
	case at > revision, errors.Is(err, jetstream.ErrKeyRevisionMismatch):
		return 0, driver.ErrLost
	}
	return 0, err
}

// groups returns the required groups: those of the configuration, and those that other processes
// have registered.
func (b *store) groups(ctx context.Context) ([]string, error) {
	all := make(map[string]bool)
	for _, g := range b.cfg.Groups {
		all[g] = true
	}
	l, err := b.state.ListKeysFiltered(ctx, requiredPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("list the required groups: %w", err)
	}
	for k := range l.Keys() {
		all[strings.TrimPrefix(k, requiredPrefix)] = true
	}
	out := make([]string, 0, len(all))
	for g := range all {
		out = append(out, g)
	}
	return out, nil
}

// mark returns the Seq through which entries may have been removed: by retention, or by Advance.
func (b *store) mark(ctx context.Context, name string) (uint64, error) {
	value, err := b.noted(ctx, name)
	if err != nil || value == nil {
		return 0, err
	}
	return strconv.ParseUint(string(value), 10, 64)
}

// noted returns what the bucket has under a key; nil: nothing. On a cluster it asks the leader: a
// replica may lack a note that was written before the log changed.
func (b *store) noted(ctx context.Context, key string) ([]byte, error) {
	if b.cfg.Replicas > 1 {
		bucket := b.names.stateBucket()
		m, err := b.askLeader(ctx, "KV_"+bucket, getRequest{LastFor: "$KV." + bucket + "." + key})
		if errors.Is(err, errNotFound) {
			return nil, nil
		}
		return append([]byte{}, m.Data...), err
	}
	e, err := b.state.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return append([]byte{}, e.Value()...), nil
}

// raise notes that entries through seq are about to be removed.
func (b *store) raise(ctx context.Context, name string, seq uint64) error {
	for {
		e, err := b.state.Get(ctx, name)
		revision := uint64(0)
		switch {
		case errors.Is(err, jetstream.ErrKeyNotFound):
		case err != nil:
			return err
		default:
			revision = e.Revision()
			if have, err := strconv.ParseUint(string(e.Value()), 10, 64); err == nil && have >= seq {
				return nil
			}
		}
		_, err = b.state.Update(ctx, name, strconv.AppendUint(nil, seq, 10), revision)
		// another process has written meanwhile
		if !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return err
		}
	}
}
