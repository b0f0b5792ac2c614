package sends

import (
	"errors"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// TestMayWrite holds who may do what, for each reason that there is against it.
func TestMayWrite(t *testing.T) {
	now := time.UnixMilli(1000)
	muted := errors.New("muted")
	member := directory.Access{Role: directory.RoleMember, Read: true}
	with := func(change func(a *directory.Access)) directory.Access {
		a := member
		change(&a)
		return a
	}
	may := with(func(a *directory.Access) { a.Send = true })
	quiet := with(func(a *directory.Access) { a.Send, a.MutedUntil = true, 1001 })
	over := with(func(a *directory.Access) { a.Send, a.MutedUntil = true, 1000 })
	archived := with(func(a *directory.Access) { a.Send, a.Archived = true, true })
	reader := directory.Access{Role: directory.RoleReader, Read: true}
	reacts := directory.Access{Role: directory.RoleReader, Read: true, React: true}
	announced := with(func(a *directory.Access) { a.React = true })
	reactsMuted := with(func(a *directory.Access) { a.React, a.MutedUntil = true, 1001 })
	nobody := directory.Access{Read: true}
	sends := directory.Access{Send: true, MutedUntil: 1001}
	for _, tt := range []struct {
		name                          string
		a                             directory.Access
		send, edit, react, pin, erase error
	}{
		{"a member", may, nil, nil, nil, nil, nil},
		{"who is muted and has no role", sends, muted, muted, muted, muted, nil},
		{"who is muted", quiet, muted, muted, muted, muted, nil},
		{"who was muted", over, nil, nil, nil, nil, nil},
		{"where nothing is written", archived, errArchived, errArchived, errArchived, errArchived, errArchived},
		{"a reader", reader, errReads, errReads, errReads, errReads, nil},
		{"a reader who may react", reacts, errReads, errReads, nil, errReads, nil},
		{"where moderators send", announced, ErrMayNot, ErrMayNot, nil, ErrMayNot, nil},
		{"who is muted where moderators send", reactsMuted, ErrMayNot, ErrMayNot, muted, ErrMayNot, nil},
		{"who has no role", nobody, ErrMayNot, ErrMayNot, ErrMayNot, ErrMayNot, ErrMayNot},
	} {
		for kind, want := range map[wire.Kind]error{wire.Send: tt.send, wire.Edit: tt.edit, wire.React: tt.react, wire.Pin: tt.pin, wire.Delete: tt.erase} {
			got := MayWrite(kind, tt.a, now)
			if e, ok := errors.AsType[*chat.Error](got); ok && e.Code == chat.CodeMuted {
				got = muted
			}
			if !errors.Is(got, want) {
				t.Errorf("%s: %s is answered with %v, want %v", tt.name, kind, got, want)
			}
		}
	}
}
