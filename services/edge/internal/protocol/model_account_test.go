package protocol

import (
	"slices"
	"time"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/rooms"
)

// account takes in what a session was told.
func (w *story) account(l *listener) {
	if l.c.code == 0 && l.c.l.closed[l.c.slot] {
		l.in, l.c.code = false, cut
		return
	}
	if _, blocked := l.c.l.room[l.c.slot]; blocked {
		l.slow = l.slow || w.drained != nil
		return // a frame may be cut
	}
	for _, f := range l.c.all() {
		if (f.Type == "ack" || f.Type == "error") && f.ID != "j" && f.ID != "l" {
			at := slices.Index(l.sent, f.ID)
			if at < 0 {
				w.fatal(l, "answered twice: %s", f.raw)
			}
			l.sent = slices.Delete(l.sent, at, at+1)
		}
		switch f.Type {
		case "msg":
			switch {
			case l.last != 0 && f.Seq <= l.last && l.asked:
				continue // it was on its way when the join asked for it again
			case l.last != 0 && f.Seq <= l.last:
				w.fatal(l, "%s after %d: it came before", f.raw, l.last)
			case l.last != 0 && f.Prev > l.last:
				w.fatal(l, "%s after %d: there is a gap", f.raw, l.last)
			}
			if l.last == 0 {
				l.from, l.got = f.Prev, nil
			}
			l.last, l.lastID = f.Seq, f.ID
			l.got = append(l.got, f.Seq)
		case "joined":
			if f.ID != "" && !l.asked {
				w.fatal(l, "answered twice: %s", f.raw)
			}
			if l.asked = l.asked && f.ID == ""; f.Rewind || l.last == 0 {
				l.from, l.got, l.last, l.lastID = f.Seq, nil, f.Seq, ""
			}
			if f.Seq > l.last {
				l.last, l.lastID = f.Seq, ""
			}
			l.in, l.more = !f.More, f.More
		case "ack":
			switch {
			case f.ID == "l" && !l.asked:
				w.fatal(l, "answered twice: %s", f.raw)
			case f.ID == "l":
				l.asked, l.in = false, false
			case f.Seq > 0:
				w.r.mu.Lock()
				w.acked[f.ID] = f.Seq
				w.r.mu.Unlock()
			}
		case "error":
			if f.ID == "j" && !l.asked {
				w.fatal(l, "answered twice: %s", f.raw)
			}
			l.asked = l.asked && f.ID != "j"
			if f.Code != chat.CodeNotJoined && f.Code != chat.CodeForbidden && f.Code != chat.CodeInternal && f.Code != chat.CodeUnavailable {
				w.fatal(l, "told %s", f.raw)
			}
		case "notice":
			if l.in = false; l.asked && l.anew { // it joins anew without knowing it
				l.last, l.lastID = 0, ""
			}
		}
	}
	if l.c.code != 0 {
		l.in = false
		drained := l.c.code == int(wire.CloseDrain) && w.drained != nil
		if l.c.code != int(wire.CloseResume) && l.c.code != cut && !drained {
			w.fatal(l, "closed with %d", l.c.code)
		}
		if drained && !l.slow && len(l.sent) > 0 && time.Since(w.draining) <= conn.DrainGrace {
			w.fatal(l, "told goodbye before %v were answered", l.sent)
		}
	}
}

// end lets everything come to rest, and holds what each session in the room has against the log.
func (w *story) end() {
	w.hold(false)
	for _, l := range w.all {
		w.unblock(l)
	}
	w.r.pass(time.Second)
	for _, l := range w.all {
		w.account(l)
	}
	w.far("last")
	w.r.settle()
	var seqs []uint64
	for at, more := (bus.Position{}), true; more; {
		log, err := w.r.bus.Replay(w.r.t.Context(), "lobby", at, 1000)
		if err != nil {
			w.rt.Fatal(err)
		}
		for _, e := range log.Entries {
			seqs = append(seqs, e.Seq)
			at.Seq = e.Seq
		}
		more = log.More
	}
	w.r.mu.Lock()
	for id, seq := range w.acked {
		if seq > w.lost && !slices.Contains(seqs, seq) {
			w.rt.Errorf("%s was acknowledged with %d, which is not in the log", id, seq)
		}
	}
	w.r.mu.Unlock()
	for _, l := range w.all {
		w.account(l)
		if l.asked && l.c.code == 0 {
			w.fatal(l, "a command was never answered")
		}
		if n := l.c.s.sends.Probe().Pending(l.c.slot); l.c.code == 0 && n != 0 {
			w.fatal(l, "%d sends are counted for ever", n)
		}
		if l.c.code == 0 && len(l.sent) > 0 {
			w.fatal(l, "not answered: %v", l.sent)
		}
		if l.c.code == 0 && w.drained != nil {
			w.fatal(l, "the edge has gone down, and it was not told")
		}
		if !l.in {
			continue
		}
		var want []uint64
		for _, seq := range seqs {
			if seq > l.from {
				want = append(want, seq)
			}
		}
		if !slices.Equal(l.got, want) {
			w.fatal(l, "has %v after %d, the log has %v", l.got, l.from, want)
		}
	}
	if w.drained == nil {
		return
	}
	for range int((rooms.Linger + 2*conn.CloseLinger) / time.Second) {
		time.Sleep(time.Second)
		w.r.settle()
		w.turn()
	}
	<-w.drained
	w.r.empty()
}
