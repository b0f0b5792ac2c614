package sends

import (
	"errors"
	"reflect"
	"testing"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// TestFreeOp: what is used for another send says nothing of the one before, and keeps no more
// memory than most messages need.
func TestFreeOp(t *testing.T) {
	for size, kept := range map[int]bool{4 << 10: true, 4<<10 + 1: false} {
		s := &Shard{}
		o := &op{
			room: "lobby", sender: "ann", sent: true, noted: true, result: bus.Appended{Seq: 1}, err: errors.New("no"),
			posted: func(Sent, *chat.Error) {}, data: make([]byte, 10, size),
		}
		s.freeOp(o)
		if (o.data != nil) != kept {
			t.Errorf("%d bytes are kept: %v", size, !kept)
		}
		o.data = nil
		if !reflect.DeepEqual(o, &op{}) {
			t.Errorf("left: %+v", o)
		}
		first, second := s.newOp(), s.newOp()
		if first != o || second == o || second.next != nil || first.next != nil {
			t.Error("it is not used again, or twice")
		}
	}
}
