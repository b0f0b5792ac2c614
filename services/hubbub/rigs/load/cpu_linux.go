package load

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// userHz is the number of ticks per second in which /proc counts CPU time, on every Linux that Go
// runs on.
const userHz = 100

// cpuTime returns the CPU time that processes took so far. Processes that have ended count as 0.
func cpuTime(pids []int) (sum time.Duration) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		// The name in parentheses may have spaces in it; utime and stime are the 14th and 15th
		// field (proc(5)).
		fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
		for _, f := range fields[11:13] {
			ticks, _ := strconv.Atoi(string(f))
			sum += time.Duration(ticks) * time.Second / userHz
		}
	}
	return sum
}

// serverPids returns the server's processes, as far as they run on this machine and can be found.
func (c *Config) serverPids() []int {
	if len(c.Pids) > 0 {
		return c.Pids
	}
	urls := c.Edges
	if len(urls) == 0 {
		urls = []string{c.URL}
	}
	ports := make(map[string]bool)
	for _, u := range urls {
		at, err := url.Parse(u)
		if err != nil {
			continue
		}
		ips, err := net.LookupIP(at.Hostname())
		if err != nil || len(ips) == 0 || !ips[0].IsLoopback() {
			continue
		}
		if port, err := strconv.Atoi(at.Port()); err == nil {
			ports[fmt.Sprintf("%04X", port)] = true
		}
	}
	if len(ports) == 0 {
		return nil
	}
	return holders(listeners(ports))
}

// listeners returns the names in /proc of the sockets that listen on ports.
func listeners(ports map[string]bool) map[string]bool {
	const listening = "0A"
	inodes := make(map[string]bool)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != listening {
				continue
			}
			if _, port, ok := strings.Cut(f[1], ":"); ok && ports[port] {
				inodes["socket:["+f[9]+"]"] = true
			}
		}
	}
	return inodes
}

// holders returns the processes that have sockets open. Only root sees the sockets of other users'
// processes.
func holders(sockets map[string]bool) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	for _, file := range files {
		if name, err := os.Readlink(file); err == nil && sockets[name] {
			pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return slices.DeleteFunc(slices.Compact(pids), func(pid int) bool { return pid == os.Getpid() })
}
