// Command directory runs the directory service: users, log-in, rooms and permissions.
package main

import (
	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/directory"
)

func main() {
	cfg := &directory.Program{}
	daemon.Main("directory", "Hubbub's directory: users, log-in, rooms and permissions.", cfg, cfg.Start)
}
