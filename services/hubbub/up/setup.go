package up

import (
	"context"
	"fmt"
	"io"
	"sync"

	"hubbub.internal/services/directory"
)

// tellSetup prints each set-up link, until ctx ends.
func tellSetup(ctx context.Context, out io.Writer, at string, secrets <-chan string) error {
	select {
	case secret := <-secrets:
		_, err := fmt.Fprintf(out, `
This server has no operator yet. Whoever opens this link first becomes the operator; it works once, for 24 hours:

  %s%s
`, at, directory.SetupPath(secret))
		if err != nil {
			return fmt.Errorf("print the set-up link: %w", err)
		}
	case <-ctx.Done():
	}
	<-ctx.Done()
	return nil
}

// lines is a writer for concurrent use that never mixes two writes.
type lines struct {
	mu  sync.Mutex
	out io.Writer
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(b) //nolint:wrapcheck // it is that writer
}
