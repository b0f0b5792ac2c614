package client

import (
	"errors"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
)

// TestWhatPasses: which errors a client waits out, and which no waiting changes.
func TestWhatPasses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{errors.New("the network"), true},
		{&UpgradeError{Status: 500}, true}, {&UpgradeError{Status: 503}, true}, {&UpgradeError{Status: 429}, true}, {&UpgradeError{Status: 408}, true},
		{&UpgradeError{Status: 499}, false}, {&UpgradeError{Status: 400}, false}, {&UpgradeError{Status: 404}, false},
		{chat.Unavailable("away", time.Second), true}, {&chat.Error{Code: chat.CodeTooMany, RetryAfter: 1}, true},
		{chat.E(chat.CodeForbidden, "no"), false}, {chat.E(chat.CodeUnauthorized, "no"), false},
	} {
		if got := passes(tt.err); got != tt.want {
			t.Errorf("%v: %v", tt.err, got)
		}
	}
}
