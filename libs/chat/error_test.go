package chat_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
)

func TestCodeOf(t *testing.T) {
	forbidden := chat.E(chat.CodeForbidden, "no")
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{forbidden, chat.CodeForbidden},
		{fmt.Errorf("join: %w", forbidden), chat.CodeForbidden},
		{errors.Join(errors.New("x"), chat.Unavailable("later", time.Second)), chat.CodeUnavailable},
		{errors.New("x"), chat.CodeInternal},
	} {
		if got := chat.CodeOf(tt.err); got != tt.want {
			t.Errorf("CodeOf(%v) is %q, want %q", tt.err, got, tt.want)
		}
	}
	if got := forbidden.Error(); got != "forbidden: no" {
		t.Errorf("Error() is %q", got)
	}
	if e := chat.Unavailable("later", time.Second); e.RetryAfter != time.Second || e.Message != "later" {
		t.Errorf("Unavailable made %+v", e)
	}
}
