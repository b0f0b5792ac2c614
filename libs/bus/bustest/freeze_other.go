//go:build !unix

package bustest

import "errors"

func (p *process) freeze(bool) error { return errors.New("this system cannot freeze a process") }
