// Package freeport finds ports for servers that have to be told theirs before they start, or that
// come back on the one they had. It is for test fixtures and for the clusters that `hubbub drill`
// builds; a server that can say which port it got listens on port 0 instead.
package freeport

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
)

// Ports from first up to the kernel's ephemeral ones are given. The ephemeral ones are left alone:
// while a server is down or not up yet, any outgoing connection of the machine may be given its
// port.
const first = 10_000

// Ports are given from blocks of this size. The lowest port of a block is its lock: the process
// that listens there, until it ends, gives the others, so that two test binaries never give one
// port, not even while the server on it is down.
const blockSize = 64

var (
	mu    sync.Mutex
	locks []net.Listener // of the blocks that are ours; they end with the process
	block int            // the one that ports are given from
	next  = blockSize    // the offset in block of the port to look at next
)

// Port returns a port of 127.0.0.1 that nobody listens on, and that no process is given again as
// long as this one lives.
func Port() (int, error) {
	mu.Lock()
	defer mu.Unlock()
	blocks := (ephemeral() - first) / blockSize
	if blocks < 1 {
		// somebody widened the range of ephemeral ports: a small risk is all there is
		return probe(0)
	}
	for {
		for ; next < blockSize; next++ {
			if port, err := probe(block + next); err == nil {
				next++
				return port, nil
			}
		}
		if err := lockBlock(blocks); err != nil {
			return 0, err
		}
	}
}

// Addr returns 127.0.0.1 with a port of Port.
func Addr() (string, error) {
	port, err := Port()
	return at(port), err
}

// lockBlock makes a block that no living process has given ports from the one that ports are given
// from.
func lockBlock(blocks int) error {
	from := rand.IntN(blocks)
	for i := range blocks {
		lowest := first + (from+i)%blocks*blockSize
		l, err := net.Listen("tcp", at(lowest))
		if err != nil {
			continue // another process's, or it is a server's
		}
		locks = append(locks, l)
		block, next = lowest, 1
		return nil
	}
	return fmt.Errorf("no free port from %d to %d on 127.0.0.1", first, first+blocks*blockSize-1)
}

// probe reports whether a port is free, and which one it is if port is 0.
func probe(port int) (int, error) {
	l, err := net.Listen("tcp", at(port))
	if err != nil {
		return 0, fmt.Errorf("listen: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func at(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

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
