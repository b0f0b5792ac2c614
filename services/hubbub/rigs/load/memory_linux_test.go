package load

import (
	"runtime"
	"testing"
)

// TestMemoryPerSocket: a socket that is in a room takes no more than 256 bytes of the load. What
// does not grow with their number (buffers, histograms: about a megabyte for each process) is not
// counted. Runs differ by some 20 bytes for each socket: how many buffers are idle when the memory
// is read depends on how the sockets came in.
func TestMemoryPerSocket(t *testing.T) {
	const few, many, most = 2000, 8000, 256
	each := float64(crowded(t, many)-crowded(t, few)) / (many - few)
	t.Logf("%.0f bytes for each socket", each)
	if each > most {
		t.Errorf("%.0f bytes for each socket are more than %d", each, most)
	}
}

// crowded returns the memory that a crowd takes of which everybody is in one room.
func crowded(t *testing.T, sockets int) int64 {
	t.Helper()
	cfg := config(t)
	cfg.Sockets, cfg.Users, cfg.Rooms, cfg.RoomSize.Most, cfg.Ramp = sockets, 0, 1, sockets, 1e6
	before := held()
	all, err := cfg.assemble(t.Context(), placement{}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer all.Close()
	if err := all.Enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d sockets take %d bytes", all.Open(), held()-before)
	return held() - before
}

// held is the memory of this process that is in use, in bytes.
func held() int64 {
	runtime.GC()
	runtime.GC() // what finalizers let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
