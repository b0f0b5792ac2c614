// Command notify runs one replica of the notify service.
package main

import (
	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/notify"
)

func main() {
	cfg := &notify.Program{}
	daemon.Main("notify", "Tells people who are away what is new to them in a Hubbub cluster.", cfg, cfg.Start)
}
