//go:build !linux

package load

import "time"

func cpuTime([]int) time.Duration { return 0 }

func (c *Config) serverPids() []int { return nil }
