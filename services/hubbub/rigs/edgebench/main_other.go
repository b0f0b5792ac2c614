//go:build !linux

// Command bench measures Hubbub's edge beside other servers. It needs Linux: epoll, network
// namespaces and CPU clocks of other processes.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "this benchmark runs on Linux only")
	os.Exit(1)
}
