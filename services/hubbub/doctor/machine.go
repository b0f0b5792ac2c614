package doctor

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// machine says where to read a machine's limits; tests use their own folders.
type machine struct {
	proc, cgroup string
	files        func() (soft, hard uint64, ok bool)
}

func thisMachine() machine { return machine{"/proc", "/sys/fs/cgroup", openFiles} }

const (
	// fewFiles is too few open files for an edge with a thousand sockets; someFiles is what the
	// compose files set.
	fewFiles  = 2048
	someFiles = 16384
	fewMemory = 512 << 20
	// fewQueue is a queue length that many reconnecting clients overflow.
	fewQueue = 1024
	fewPorts = 10_000
)

func (m machine) examine(r *report) {
	const check = "machine"
	before := len(r.all)
	if soft, hard, ok := m.files(); ok {
		do := "raise it for the services (ulimit -n, LimitNOFILE=, HUBBUB_NOFILE): an edge holds some 500 fewer sockets than files"
		switch {
		case hard < fewFiles:
			r.fail(check, do, "a process may have %d files open", hard)
		case soft < someFiles && hard < someFiles:
			r.warn(check, do, "a process may have %d files open", hard)
		}
	}
	if n, ok := m.number("sys/net/core/somaxconn"); ok && n < fewQueue {
		r.warn(check, "sysctl net.core.somaxconn=4096, or the container's", "%d connections may wait to be accepted (somaxconn): when many come back at once, some are refused", n)
	}
	if low, high, ok := m.ports(); ok && high-low < fewPorts {
		r.warn(check, `sysctl net.ipv4.ip_local_port_range="1024 65535" where nginx runs`,
			"a proxy can have %d connections to one edge (ip_local_port_range %d to %d)", high-low+1, low, high)
	}
	if bytes, ok := m.memory(); ok && bytes < fewMemory {
		r.warn(check, "Hubbub needs at least 512 MiB, and 4 GiB for a few thousand people", "it has %d MiB of memory for this", bytes>>20)
	}
	if len(r.all) == before {
		r.ok(check, "its limits on files, connections, ports and memory are high enough (%s/%s, %s)", runtime.GOOS, runtime.GOARCH, plural(runtime.NumCPU(), "core", "cores"))
	}
}

// number reads a file with one number; false: there is none, such as on other systems.
func (m machine) number(name string) (int64, bool) {
	return numberIn(filepath.Join(m.proc, name))
}

func numberIn(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

func (m machine) ports() (low, high int, ok bool) {
	text, err := os.ReadFile(filepath.Join(m.proc, "sys/net/ipv4/ip_local_port_range"))
	if err != nil {
		return 0, 0, false
	}
	fields := strings.Fields(string(text))
	if len(fields) != 2 {
		return 0, 0, false
	}
	low, err = strconv.Atoi(fields[0])
	if err != nil {
		return 0, 0, false
	}
	high, err = strconv.Atoi(fields[1])
	return low, high, err == nil
}

// memory returns the memory of the container, or else of the machine.
func (m machine) memory() (bytes int64, ok bool) {
	text, err := os.ReadFile(filepath.Join(m.proc, "meminfo"))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "MemTotal:"); found {
			fields := strings.Fields(rest)
			if len(fields) == 0 {
				return 0, false
			}
			kib, err := strconv.ParseInt(fields[0], 10, 64)
			if err != nil {
				return 0, false
			}
			bytes, ok = kib<<10, true
		}
	}
	if limit, has := numberIn(filepath.Join(m.cgroup, "memory.max")); has && (!ok || limit < bytes) {
		bytes, ok = limit, true
	}
	return bytes, ok
}
