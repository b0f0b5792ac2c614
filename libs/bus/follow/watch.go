package follow

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"hubbub.internal/libs/bus/driver"
)

// watchers get the hints of personal rooms.
type watchers struct {
	mu  sync.Mutex
	all atomic.Pointer[[]*watch] // the slice is never changed in place; nil: nobody watches
}

// watch is one watcher.
type watch struct {
	e *Engine
	w driver.Watcher

	mu      sync.RWMutex // read-locked while w is called, so that Stop waits for that
	stopped bool
}

// Watch is bus.Log.Watch. The subscription at the server outlives the last watcher: there is one
// for all rooms.
func (e *Engine) Watch(ctx context.Context, w driver.Watcher) (driver.Subscription, error) {
	s := &watch{e: e, w: w}
	e.watchers.change(func(all []*watch) []*watch { return append(all, s) })
	if err := e.src.SubscribePersonal(ctx); err != nil {
		s.Stop()
		return nil, fmt.Errorf("subscribe to personal rooms: %w", err)
	}
	return s, nil
}

// Heads is bus.Log.Heads.
func (e *Engine) Heads(ctx context.Context, rooms []string) ([]driver.Head, error) {
	if err := driver.CheckName(rooms...); err != nil {
		return nil, err
	}
	if len(rooms) > driver.MaxHeads {
		return nil, fmt.Errorf("heads of %d rooms: at most %d at once", len(rooms), driver.MaxHeads)
	}
	if len(rooms) == 0 {
		return nil, nil
	}
	return e.src.Heads(ctx, rooms)
}

// change replaces the list of watchers by the result of do on a copy of it.
func (ws *watchers) change(do func([]*watch) []*watch) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	var all []*watch
	if old := ws.all.Load(); old != nil {
		all = slices.Clone(*old)
	}
	if all = do(all); len(all) == 0 {
		ws.all.Store(nil)
		return
	}
	ws.all.Store(&all)
}

func (ws *watchers) each(do func(driver.Watcher)) {
	all := ws.all.Load()
	if all == nil {
		return
	}
	for _, s := range *all {
		s.mu.RLock()
		if !s.stopped {
			do(s.w)
		}
		s.mu.RUnlock()
	}
}

// Stop implements driver.Subscription.
func (s *watch) Stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.e.watchers.change(func(all []*watch) []*watch {
		return slices.DeleteFunc(all, func(o *watch) bool { return o == s })
	})
}
