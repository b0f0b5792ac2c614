package protocol

import (
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// frameOfKind returns a good frame of a kind, without its braces and its id.
func frameOfKind(kind wire.Kind) string {
	for _, c := range commands {
		if strings.HasPrefix(c.frame, `"type":"`+kind.String()+`"`) {
			return c.frame
		}
	}
	return `"type":"` + kind.String() + `","version":1`
}

// TestEachKindIsAnsweredOnce sends a command of every kind that there is, with the handler that it
// has and without one: each is answered once, and without a handler with unknown_command.
func TestEachKindIsAnsweredOnce(t *testing.T) {
	for kind := range wire.NumKinds {
		for _, handled := range []bool{true, false} {
			was := handlers[kind]
			if !handled {
				handlers[kind] = nil
			}
			rigged(t, 1, func(r *rig) {
				ann := r.login("ann")
				ann.s.join(ann.slot, &wire.Command{Kind: wire.Join, Room: []byte("lobby")})
				r.settle()
				ann.all()
				ann.say(`{"id":"x",%s}`, frameOfKind(kind))
				r.pass(time.Second)
				got := ann.answers("x")
				switch {
				case len(got) != 1:
					t.Errorf("%s, handled %t: answered with %+v, want one", kind, handled, got)
				case kind == wire.KindUnknown || !handled:
					if got[0].Code != chat.CodeUnknownCommand {
						t.Errorf("%s, handled %t: answered with %+v, want unknown_command", kind, handled, got[0])
					}
				case kind != wire.Hello && got[0].Type == "error":
					t.Errorf("%s: answered with %+v", kind, got[0])
				}
				ann.say(`{"type":"join","id":"y","room":"random"}`)
				if got := ann.answers("y"); len(got) != 1 {
					t.Errorf("%s, handled %t: then a join is answered with %+v", kind, handled, got)
				}
			})
			handlers[kind] = was
		}
	}
}
