package load

import (
	"context"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSilentPartWaits: a part without speakers waits between the messages of other parts. If it
// skipped them without a wait, it would take a core from the measured server.
func TestSilentPartWaits(t *testing.T) {
	p := part{order: Order{Plan: Plan{Sockets: 10, Users: 1, Rooms: 1, Size: 10, Rate: 5, Speakers: 1}, Part: 1, Parts: 2}}
	p.seating = newSeating(&p.order.Plan)
	const talks = time.Second
	ctx, cancel := context.WithTimeout(t.Context(), talks)
	defer cancel()
	runtime.LockOSThread() // to tell what CPU time this takes
	defer runtime.UnlockOSThread()
	before := threadTime(t)
	p.talk(ctx, time.Now())
	if took := threadTime(t) - before; took > talks/10 {
		t.Errorf("%s of saying nothing took %s of CPU time", talks, took)
	}
}

func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
