// Command presence runs one replica of the presence service.
package main

import (
	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/presence"
)

func main() {
	cfg := &presence.Program{}
	daemon.Main("presence", "Answers who is online, over all edges of a Hubbub cluster.", cfg, cfg.Start)
}
