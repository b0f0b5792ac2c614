package redisbus

import (
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/bus/bustest"
)

// TestChurn: 100,000 rooms (fewer with the race detector) that are followed and left again leave no
// subscription behind, and no memory that grows from one time to the next.
func TestChurn(t *testing.T) {
	const rooms, joiners = bustest.ChurnRooms, 2000
	s := bustest.Redis(t)
	b := openBoth(t, Config{URL: s.URL()}, nil)
	churn := func() {
		var wg sync.WaitGroup
		for j := range joiners {
			wg.Go(func() {
				for i := j; i < rooms; i += joiners {
					_, sub, err := b.Follow(t.Context(), "room-"+strconv.Itoa(i), nobody{})
					if err != nil {
						t.Error(err)
						return
					}
					defer sub.Stop()
				}
			})
		}
		wg.Wait()
		for deadline := time.Now().Add(time.Minute); ; {
			channels, err := b.Driver.at(0).PubSubShardChannels(t.Context(), "hub:*:live:*").Result()
			f := b.Driver.rooms.all[0]
			f.mu.Lock()
			kept := len(f.channels) + len(f.todo)
			f.mu.Unlock()
			if err == nil && len(channels) == 0 && kept == 1 { // the probe's
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d channels at the server, %d here, %v", len(channels), kept, err)
			}
			if await.Sleep(t.Context(), 10*time.Millisecond) != nil {
				return
			}
		}
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	churn()
	once := heap()
	churn()
	churn()
	thrice := heap()
	t.Logf("heap: %d KiB before, %d after one round, %d after three", before>>10, once>>10, thrice>>10)
	if thrice > once+once/4+(1<<20) {
		t.Errorf("the heap grew from %d to %d bytes", once, thrice)
	}
}

var _ bus.Follower = nobody{}
