//go:build !linux

package load

import (
	"context"
	"errors"
	"net/netip"
	"os/exec"

	"hubbub.internal/services/hubbub/rigs/load/fleet"
)

const haveNetns = false

// network is not available here.
type network struct{}

func openNetwork(context.Context) (*network, error) {
	return nil, errors.New("--netns needs Linux")
}

func (*network) close() {}

func (*network) from(int) netip.Addr { return netip.Addr{} }

func (*network) reaches(context.Context, []fleet.Edge) error { return nil }

func (*network) start(*exec.Cmd) error { return nil }
