// Command edge holds the clients' WebSockets.
package main

import (
	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/edge"
)

func main() {
	cfg := &edge.Program{}
	daemon.Main("edge", "Holds the clients' WebSockets.", cfg, cfg.Start)
}
