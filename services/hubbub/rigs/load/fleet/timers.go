package fleet

import (
	"container/heap"
	"time"
)

// what is the purpose of a timer.
type what uint8

const (
	dialAgain what = iota
	openLate       // the client should be in its rooms by now
	joinAgain
	sendAgain
)

// timer is an action on a client that is due at a time. It is void if the client has another turn
// by then.
type timer struct {
	at     int64 // nanos
	client int32
	turn   uint32
	say    uint32 // sendAgain: which message
	seat   uint16 // joinAgain
	what   what
}

// timers is a heap of the timers that have not gone off.
type timers []timer

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].at < t[j].at }
func (t timers) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }

// Push implements heap.Interface.
func (t *timers) Push(x any) { *t = append(*t, x.(timer)) }

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	old := *t
	x := old[len(old)-1]
	*t = old[:len(old)-1]
	return x
}

func (t *timers) add(in time.Duration, x timer) {
	x.at = time.Now().Add(in).UnixNano()
	heap.Push(t, x)
}

// pop removes and returns a timer that is due.
func (t *timers) pop(now time.Time) (x timer, ok bool) {
	if len(*t) == 0 || (*t)[0].at > now.UnixNano() {
		return x, false
	}
	return heap.Pop(t).(timer), true
}

// next returns the milliseconds until the next is due, at least one, and -1 when there is none.
func (t *timers) next(now time.Time) int {
	if len(*t) == 0 {
		return -1
	}
	return int(max(0, (*t)[0].at-now.UnixNano())/int64(time.Millisecond)) + 1
}
