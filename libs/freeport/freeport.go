// Package freeport finds ports for servers that have to be told theirs before they start, or that come back on the one
// they had. It is for test fixtures and for the clusters that `hubbub drill` builds; a server that can say which port it
// got listens on port 0 instead.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
)

// Ports from first up to the kernel's ephemeral ones are looked at. The ephemeral ones are left alone: while a server is
// down or not up yet, any outgoing connection of the machine may be given its port.
const first = 10_000

// fewest is how many ports there must be to choose from.
const fewest = 1_000

var (
	mu    sync.Mutex
	taken = map[int]bool{} // by this process; one that ends is not asked to give back
)

// Take returns a port of 127.0.0.1 that nobody listens on, and that this process is not given again.
func Take() (int, error) {
	mu.Lock()
	defer mu.Unlock()
	end := ephemeral()
	if end-first < fewest {
		return listen(0) // somebody widened the range: a small risk is all there is
	}
	for range fewest {
		port := first + rand.IntN(end-first)
		if taken[port] {
			continue
		}
		if _, err := listen(port); err == nil {
			taken[port] = true
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port from %d to %d on 127.0.0.1", first, end-1)
}

// Addr returns 127.0.0.1 with a port of Take.
func Addr() (string, error) {
	port, err := Take()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), err
}

func listen(port int) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return 0, fmt.Errorf("listen: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// ephemeral returns the first port that the kernel gives to outgoing connections.
func ephemeral() int {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	var low, high int
	if err != nil {
		return 32_768 // the lowest of any system's default; only Linux has the file
	}
	if _, err := fmt.Sscan(string(b), &low, &high); err != nil {
		return 32_768
	}
	return low
}
