package main

import (
	"context"
	"fmt"
	"time"
)

// idled is what was measured of idle sockets.
type idled struct {
	sockets        int
	rate           float64       // log-ins per second
	login, joining time.Duration // CPU for each
	resident, used float64       // bytes for each
}

// ratios keeps what the verdict compares.
type ratios struct {
	idles map[string]idled  // by server; of the most sockets
	talks map[string]talked // by case, rate and server
}

func (r *ratios) idle(server string, m idled) {
	if r.idles == nil {
		r.idles = map[string]idled{}
	}
	r.idles[server] = m
}

func (r *ratios) talk(what, rate, server string, m talked) {
	if r.talks == nil {
		r.talks = map[string]talked{}
	}
	r.talks[what+"/"+rate+"/"+server] = m
}

// verdict prints how far what was measured is from what it is to be. What was not measured is left out.
func (b *bench) verdict(ctx context.Context) error {
	b.table = newTable("Hubbub beside the others, in this run", "what", "measured", "is to be")
	mark := func(ok bool, limit string) string {
		if ok {
			return limit + ": reached"
		}
		return limit + ": **missed**"
	}
	ratio := func(what string, have, of float64, limit float64, atMost bool) {
		if of == 0 || have == 0 {
			return
		}
		r := have / of
		if atMost {
			b.table.row(what, fmt.Sprintf("%.3f", r), mark(r <= limit, fmt.Sprintf("at most %.2f", limit)))
		} else {
			b.table.row(what, fmt.Sprintf("%.3f", r), mark(r >= limit, fmt.Sprintf("at least %.2f", limit)))
		}
	}
	talk := func(what, rate, server string) talked { return b.seen.talks[what+"/"+rate+"/"+server] }
	ours := b.seen.idles[nameHubbub]
	if ours.sockets > 0 {
		b.table.row(fmt.Sprintf("user space per idle socket, of %s", count(ours.sockets)), octets(ours.used), mark(ours.used <= 256, "at most 256 B"))
	}
	const room = "room-of-1000"
	cpu := func(m talked) float64 { return float64(m.perDelivery) }
	ratio("CPU per delivery, saturated room of 1,000: Hubbub / Centrifugo", cpu(talk(room, "flood", nameHubbub)), cpu(talk(room, "flood", nameCentrifugo)), 1.0/3, true)
	ratio("CPU per delivery, saturated room of 1,000: Hubbub / one write(2) each", cpu(talk(room, "flood", nameHubbub)), cpu(talk(room, "flood", nameFloor)), 1.0/20, true)
	ratio("CPU per delivery, quiet room of 1,000: one write(2) each / Hubbub", cpu(talk(room, "steady", nameFloor)), cpu(talk(room, "steady", nameHubbub)), 0.9, false)
	if ours.sockets > 0 {
		check, err := b.verifyCost(ctx)
		if err != nil {
			return err
		}
		b.table.row("check of our token alone", micros(check), "")
		ratio("CPU per log-in, signatures unchecked: Hubbub (less that check) / Centrifugo", float64(ours.login-check), float64(b.seen.idles[nameUnsigned].login), 0.25, true)
		ratio("CPU per log-in: Hubbub with EdDSA / Centrifugo with ES256", float64(ours.login), float64(b.seen.idles[nameCentrifugo].login), 1, true)
	}
	if m := talk(room, "steady", nameHubbub); m.Said > 0 {
		b.table.row("p99, room of 1,000 at 20 messages/s", millis(m.P99), mark(m.P99 <= 10*time.Millisecond, "at most 10 ms"))
		ratio("the same: Hubbub / Centrifugo", float64(m.P99), float64(talk(room, "steady", nameCentrifugo).P99), 1, true)
	}
	return nil
}
