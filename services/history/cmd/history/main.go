// Command history runs the history service: the permanent record of all rooms.
package main

import (
	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/history"
)

func main() {
	cfg := &history.Program{}
	daemon.Main("history", "Hubbub's history: the permanent record of all rooms.", cfg, cfg.Start)
}
