package bus

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus/driver"
	"hubbub.internal/libs/bus/follow"
	"hubbub.internal/libs/bus/measure"
)

// Options are what a driver's Open passes to the portable floor. All are set.
type Options struct {
	Log         *zap.Logger
	Registerer  prometheus.Registerer // may be nil
	Metrics     measure.Bus
	Follow      follow.Options // without Log and Metrics
	TrimEvery   time.Duration
	MemberEvery time.Duration // how often consumers look for partitions that nobody reads
}

// Bus keeps the contract over a driver: it does what is the same on every server.
type Bus struct {
	d       driver.Driver
	opts    Options
	log     *zap.Logger
	retry   *driver.Retry
	engine  *follow.Engine
	topics  topics
	probes  probes
	trimNow chan struct{}

	ctx       context.Context // ends with Close
	cancel    context.CancelFunc
	wg        sync.WaitGroup // background goroutines
	consumers sync.WaitGroup // running Consume calls
	closed    atomic.Bool
	done      chan struct{} // closed when Close has ended everything

	mu   sync.Mutex
	subs map[Subscription]struct{} // of channels and services, for Close; nil once closed
}

var _ Interface = (*Bus)(nil)

// Open opens a driver and the bus over it. Only drivers call it; busurl opens a bus by its URL.
func Open(ctx context.Context, d driver.Driver, o Options) (*Bus, error) {
	b := &Bus{
		d: d, opts: o, log: o.Log,
		topics:  topics{all: make(map[string]*topic)},
		probes:  probes{waiting: make(map[string]chan struct{})},
		trimNow: make(chan struct{}, 1),
		done:    make(chan struct{}),
		subs:    make(map[Subscription]struct{}),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	o.Follow.Log, o.Follow.Metrics = o.Log, o.Registerer
	b.engine = follow.New(source{d, b}, o.Follow)
	err := d.Open(ctx, driver.Host{
		Life: b.ctx, Deliver: b.engine.Deliver, Suspect: b.engine.Suspect, Returned: b.probes.returned, TrimSoon: b.trimSoon,
	})
	b.retry = d.Retry()
	if err != nil {
		_ = b.Close()
		return nil, err
	}
	b.wg.Go(func() { _ = b.engine.Run(b.ctx) })
	b.wg.Go(b.trimLoop)
	return b, nil
}

// Close implements Interface.
func (b *Bus) Close() error {
	if b.closed.Swap(true) {
		<-b.done
		return nil
	}
	b.mu.Lock()
	subs := b.subs
	b.subs = nil
	b.mu.Unlock()
	for s := range subs {
		s.Stop()
	}
	b.cancel()
	b.consumers.Wait()
	b.wg.Wait()
	b.d.Close()
	close(b.done)
	return nil
}

// keep registers a subscription for Close. If the bus is closed already, it stops it.
func (b *Bus) keep(s Subscription) error {
	b.mu.Lock()
	if b.subs != nil {
		b.subs[s] = struct{}{}
		b.mu.Unlock()
		return nil
	}
	b.mu.Unlock()
	s.Stop()
	return ErrClosed
}

func (b *Bus) forget(s Subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.subs, s)
}

// check returns ErrClosed once the bus is closed, and the given error before that.
func (b *Bus) check(bad error) error {
	if b.closed.Load() {
		return ErrClosed
	}
	return bad
}

// checkData returns ErrTooLarge for data above the limit.
func checkData(data []byte) error {
	if len(data) > MaxData {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, len(data))
	}
	return nil
}

// until returns a context that ends with ctx or the bus.
func (b *Bus) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(b.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// trimSoon schedules a trim without waiting for the next regular one.
func (b *Bus) trimSoon() {
	select {
	case b.trimNow <- struct{}{}:
	default:
	}
}

// trimTimeout bounds one trim.
const trimTimeout = 30 * time.Second

// trimLoop trims the log. Every process does it: it costs one small question when there is nothing
// to do, and trimming twice does no harm.
func (b *Bus) trimLoop() {
	every := b.opts.TrimEvery
	for wait := time.Duration(0); ; wait = every/2 + rand.N(every) {
		t := time.NewTimer(wait)
		select {
		case <-b.ctx.Done():
			t.Stop()
			return
		case <-t.C:
		case <-b.trimNow:
			t.Stop()
		}
		ctx, cancel := context.WithTimeout(b.ctx, trimTimeout)
		err := b.d.Trim(ctx)
		cancel()
		if err != nil && b.ctx.Err() == nil {
			b.log.Warn("cannot trim the log; trying again", zap.Error(err))
			if b.retry.Failed != nil {
				b.retry.Failed(b.ctx)
			}
		}
		// a full log is trimmed often, but not all the time
		if await.Sleep(b.ctx, min(every, driver.RetryPause)) != nil {
			return
		}
	}
}
