package load

import (
	"runtime"
	"testing"
)

// TestMemoryPerSocket: a load takes at most 256 bytes for each socket that is in a room. Memory
// that does not grow with the number of sockets (buffers, histograms: about a megabyte for each
// process) does not count. Runs differ by some 20 bytes for each socket, because the number of idle
// buffers at the time of the reading depends on how the sockets came in.
func TestMemoryPerSocket(t *testing.T) {
	const few, many, most = 2000, 8000, 256
	each := float64(crowded(t, many)-crowded(t, few)) / (many - few)
	t.Logf("%.0f bytes for each socket", each)
	if each > most {
		t.Errorf("%.0f bytes for each socket are more than %d", each, most)
	}
}

// crowded returns the memory of a crowd whose sockets are all in one room.
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
	runtime.GC() // frees what finalizers released
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
