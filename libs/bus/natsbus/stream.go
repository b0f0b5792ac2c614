package natsbus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/driver"
)

// The stream's metadata mark it as ours, and hold what cannot change once it has entries.
const (
	metaOwner      = "hubbub"
	metaVersion    = "1"
	metaPartitions = "hubbub-partitions"
)

// seqBits is how far the clock's seconds are shifted to get a new stream's first Seq. It is above
// every Seq of a stream that was lost, which grew by less than 2^20 entries per second of its life.
const seqBits = 20

// deadPerGroup and deadAge bound the dead letters.
const (
	deadPerGroup = 10_000
	deadAge      = 30 * 24 * time.Hour
)

// streamConfig is the stream as this version of Hubbub makes it.
//
// Retention: the stream's own limits either drop the oldest entries although a group has not read
// them (DiscardOld, age), or know a group only as a JetStream consumer whose acknowledgements count
// (interest). Neither keeps 24 hours for replay and never less than what is unread. So the stream
// has one limit, its size, at which it refuses new entries (DiscardNew: appends get ErrFull), and
// trim.go takes entries from its beginning: the old ones and, above three quarters of the size, the
// oldest ones, but never one that a required group has not read.
func (b *store) streamConfig() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        b.cfg.Stream,
		Description: "Hubbub: the log of every room",
		Subjects:    []string{b.names.log + ">", b.names.fence},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    b.cfg.MaxBytes,
		MaxMsgs:     -1,
		MaxMsgSize:  -1,
		Storage:     jetstream.FileStorage,
		Replicas:    b.cfg.Replicas,
		Duplicates:  b.cfg.Dedupe,
		FirstSeq:    uint64(time.Now().Unix()) << seqBits,
		AllowDirect: true,
		AllowRollup: true, // the fence replaces itself
		RePublish:   &jetstream.RePublish{Source: b.names.log + ">", Destination: b.names.live + ">"},
		Metadata: map[string]string{
			metaOwner:      metaVersion,
			metaPartitions: strconv.Itoa(b.cfg.Partitions),
		},
	}
}

// storeAttempt is how long one try to inspect the store may take: a request that reached a cluster
// before it had a leader is never answered.
const storeAttempt = 4 * time.Second

// ensureStore creates the streams and the bucket, or checks and updates those that exist. It keeps
// trying while a cluster has no leader, or not all of its servers.
func (b *store) ensureStore(ctx context.Context) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, storeAttempt)
		err := b.tryStore(attempt)
		cancel()
		if err == nil || !forming(err) || await.Sleep(ctx, driver.RetryPause) != nil {
			return err
		}
	}
}

// forming reports whether an error may come from a cluster that is only just starting.
func forming(err error) bool {
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return false // it answers like a cluster that is starting, and never gets further
	}
	const noPeers = 10005 // JSClusterNoPeersErrF: no server is left to hold another replica
	api, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (api.Code == 503 || api.ErrorCode == noPeers) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, jetstream.ErrNoStreamResponse) ||
		// One server may not know yet what another has just created.
		errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrBucketNotFound)
}

func (b *store) tryStore(ctx context.Context) error {
	if _, err := b.js.AccountInfo(ctx); err != nil {
		if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
			return fmt.Errorf("NATS at %s runs without JetStream: start it with JetStream on (nats-server -js, or a jetstream block in its configuration): %w", b.where(), err)
		}
		return fmt.Errorf("ask NATS at %s for JetStream: %w", b.where(), err)
	}
	if err := b.ensureStream(ctx); err != nil {
		return err
	}
	if err := b.ensureDead(ctx); err != nil {
		return fmt.Errorf("create stream %s: %w", b.names.deadStream(), err)
	}
	state, err := b.ensureState(ctx)
	if err != nil {
		return fmt.Errorf("create bucket %s: %w", b.names.stateBucket(), err)
	}
	if b.state == nil { // later calls find the same bucket, or another of that name
		b.state = state
	}
	for _, g := range b.cfg.Groups {
		if _, err := state.Create(ctx, requiredKey(g), nil); err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
			return fmt.Errorf("register group %s: %w", g, err)
		}
	}
	return nil
}

// startSpread is the time over which processes that start together spread what they create on a
// cluster.
const startSpread = time.Second

// ensure looks for something that every process needs, and creates it if it is missing. On a
// cluster, many processes that start together and send the same request can keep a stream without a
// leader for longer than they wait: so each waits for a random moment and looks again before it
// creates anything.
func (b *store) ensure(ctx context.Context, missing error, look, produce func() error) error {
	err := look()
	if errors.Is(err, missing) && b.cfg.Replicas > 1 {
		if err = await.Sleep(ctx, rand.N(startSpread)); err == nil {
			err = look()
		}
	}
	if errors.Is(err, missing) {
		err = produce()
	}
	return err
}

func (b *store) ensureDead(ctx context.Context) error {
	want := jetstream.StreamConfig{
		Name:              b.names.deadStream(),
		Description:       "Hubbub: entries that a consumer kept failing on",
		Subjects:          []string{b.names.dead + "*", b.names.again + "*.*"},
		Storage:           jetstream.FileStorage,
		Replicas:          b.cfg.Replicas,
		MaxMsgsPerSubject: deadPerGroup,
		MaxAge:            deadAge,
		Duplicates:        bus.DedupeWindow,
		AllowDirect:       true,
	}
	return b.ensure(ctx, jetstream.ErrStreamNotFound, func() error {
		s, err := b.js.Stream(ctx, want.Name)
		if err != nil {
			return err
		}
		if have := s.CachedInfo().Config; have.Replicas != want.Replicas || !slices.Equal(have.Subjects, want.Subjects) {
			_, err = b.js.UpdateStream(ctx, want)
		}
		return err
	}, func() error {
		_, err := b.js.CreateOrUpdateStream(ctx, want)
		return err
	})
}

func (b *store) ensureState(ctx context.Context) (state jetstream.KeyValue, err error) {
	want := jetstream.KeyValueConfig{
		Bucket:      b.names.stateBucket(),
		Description: "Hubbub: what consumers have read",
		Storage:     jetstream.FileStorage,
		Replicas:    b.cfg.Replicas,
	}
	err = b.ensure(ctx, jetstream.ErrBucketNotFound, func() (err error) {
		if state, err = b.js.KeyValue(ctx, want.Bucket); err != nil {
			return err
		}
		now, err := state.Status(ctx)
		if err == nil && now.Config().Replicas != want.Replicas {
			state, err = b.js.UpdateKeyValue(ctx, want)
		}
		return err
	}, func() (err error) {
		state, err = b.js.CreateOrUpdateKeyValue(ctx, want)
		return err
	})
	return state, err
}

func (b *store) ensureStream(ctx context.Context) error {
	want := b.streamConfig()
	var s jetstream.Stream
	look := func() (err error) {
		s, err = b.js.Stream(ctx, want.Name)
		return err
	}
	err := b.ensure(ctx, jetstream.ErrStreamNotFound, look, func() (err error) {
		s, err = b.js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another process was faster
			err = look()
		}
		return err
	})
	if err != nil {
		if api, ok := errors.AsType[*jetstream.APIError](err); ok && isFull(int(api.ErrorCode)) {
			return fmt.Errorf("NATS at %s has no %d bytes of storage to give to stream %s: lower --bus-max-bytes, or give it more (disk, max_file_store): %w",
				b.where(), want.MaxBytes, want.Name, err)
		}
		return fmt.Errorf("create stream %s on NATS at %s: %w", want.Name, b.where(), err)
	}
	have := s.CachedInfo().Config
	closed := have.Metadata[metaMoving] != ""
	// appends wait until the move has ended; if it was interrupted, the next Advance continues it
	if closed {
		want = (&mover{b}).closedConfig(want)
		b.log.Warn("the log is being moved to greater Seqs; nothing can be appended until that has ended")
	}
	if err := checkStream(have, want); err != nil {
		return fmt.Errorf("%w: stream %s on NATS at %s %w", ErrMismatch, want.Name, b.where(), err)
	}
	if closed || have.MaxBytes == want.MaxBytes && have.Replicas == want.Replicas {
		return nil
	}
	have.MaxBytes, have.Replicas = want.MaxBytes, want.Replicas
	if _, err := b.js.UpdateStream(ctx, have); err != nil {
		return fmt.Errorf("update stream %s on NATS at %s: %w", want.Name, b.where(), err)
	}
	return nil
}

// ErrMismatch says that this process cannot work with the existing stream: another release or
// another program made it, or it has other settings.
var ErrMismatch = errors.New("the log on the bus is of another kind")

// checkStream refuses a stream that this version cannot work with, and says what to do.
func checkStream(have, want jetstream.StreamConfig) error {
	if have.Metadata[metaOwner] == "" {
		return errors.New("was not made by Hubbub: remove it, or choose another name for Hubbub's stream")
	}
	if v := have.Metadata[metaOwner]; v != metaVersion {
		return fmt.Errorf("is of version %s, and this release of Hubbub knows version %s: use a release that knows it", v, metaVersion)
	}
	if p := have.Metadata[metaPartitions]; p != want.Metadata[metaPartitions] {
		return fmt.Errorf("has %s partitions and the configuration says %s: they are fixed when the stream is created; set --bus-partitions=%s",
			p, want.Metadata[metaPartitions], p)
	}
	var wrong []string
	for what, same := range map[string]bool{
		"subjects":                slices.Equal(have.Subjects, want.Subjects),
		"retention":               have.Retention == want.Retention,
		"discard":                 have.Discard == want.Discard,
		"storage":                 have.Storage == want.Storage,
		"republish":               have.RePublish != nil && *have.RePublish == *want.RePublish,
		"max_age":                 have.MaxAge == 0,
		"max_msgs":                have.MaxMsgs <= 0,
		"max_msgs_per_subject":    have.MaxMsgsPerSubject <= 0,
		"duplicate_window":        have.Duplicates >= want.Duplicates,
		"allow_direct":            have.AllowDirect,
		"allow_rollup_hdrs":       have.AllowRollup,
		"deny_delete, deny_purge": !have.DenyDelete && !have.DenyPurge,
		"sealed":                  !have.Sealed,
		"no_ack":                  !have.NoAck,
		"mirror or sources":       have.Mirror == nil && len(have.Sources) == 0,
	} {
		if !same {
			wrong = append(wrong, what)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("was changed by somebody else (%s): put that back, or remove the stream and lose what is in it", strings.Join(wrong, ", "))
	}
	return nil
}
