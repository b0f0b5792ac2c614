package main

import (
	"context"
	"fmt"
	"time"
)

// idled holds the measurements of idle sockets.
type idled struct {
	sockets        int
	rate           float64       // log-ins per second
	login, joining time.Duration // CPU for each
	resident, used float64       // bytes for each: resident memory; heap and stacks
	// bytes: resident memory before the first socket, and how much of it is the program's file
	base, shared int64
}

// ratios keeps what the verdict compares: the minimum of several rounds.
type ratios struct {
	idles map[string]idled  // by server; with the most sockets
	talks map[string]talked // by case, rate and server
}

func newRatios() *ratios { return &ratios{map[string]idled{}, map[string]talked{}} }

func (r *ratios) idle(server string, m idled) {
	if had, ok := r.idles[server]; ok && had.sockets == m.sockets {
		m.login, m.joining, m.used = min(m.login, had.login), min(m.joining, had.joining), min(m.used, had.used)
	}
	r.idles[server] = m
}

func (r *ratios) talk(what, rate, server string, m talked) {
	key := what + "/" + rate + "/" + server
	if had, ok := r.talks[key]; ok {
		m.perDelivery, m.P50, m.P99 = min(m.perDelivery, had.perDelivery), min(m.P50, had.P50), min(m.P99, had.P99)
	}
	r.talks[key] = m
}

// goal is a bound on a ratio.
type goal struct {
	limit float64 // 0: there is none, and the ratio explains another
	least bool    // the ratio is to be at least limit, not at most
}

func (g goal) judge(r float64) string {
	switch {
	case g.limit == 0:
		return ""
	case g.least:
		return reached(r >= g.limit, fmt.Sprintf("at least %.2f", g.limit))
	}
	return reached(r <= g.limit, fmt.Sprintf("at most %.2f", g.limit))
}

func reached(ok bool, limit string) string {
	if ok {
		return limit + ": reached"
	}
	return limit + ": **missed**"
}

// verdict compares the measurements with the goals. A row whose parts were not measured says so.
func (b *bench) verdict(ctx context.Context) error {
	b.table = newTable("Hubbub beside the others, in this run", "what", "measured", "is to be")
	ratio := func(what string, have, of time.Duration, g goal) {
		if have <= 0 || of <= 0 {
			b.table.row(what, "not measured in this run", "")
			return
		}
		r := float64(have) / float64(of)
		b.table.row(what, fmt.Sprintf("%.3f", r), g.judge(r))
	}
	if ours := b.seen.idles[nameHubbub]; ours.sockets > 0 {
		b.table.row(fmt.Sprintf("user space per idle socket, of %s", count(ours.sockets)), octets(ours.used), reached(ours.used <= 256, "at most 256 B"))
		b.table.row("RSS of an edge without sockets; not of the program's file", octets(float64(ours.base))+"; "+octets(float64(ours.base-ours.shared)),
			reached(ours.base < 20<<20, "less than 20 MiB"))
		check, err := b.verifyCost(ctx)
		if err != nil {
			return err
		}
		login := func(server string) time.Duration { return b.seen.idles[server].login }
		b.table.row("check of a token of ours", micros(check), "")
		ratio("CPU per log-in, signatures unchecked: Hubbub less that check / Centrifugo", ours.login-check, login(nameUnsigned), goal{limit: 0.25})
		ratio("the same: Hubbub less that check / floor", ours.login-check, login(nameFloor), goal{})
		ratio("CPU per log-in: Hubbub with EdDSA / Centrifugo with ES256", ours.login, login(nameCentrifugo), goal{limit: 1})
	} else {
		b.table.note("idle sockets of Hubbub, and log-ins: not measured in this run")
	}
	steady := func(server string) talked { return b.seen.talks["room-of-1000/steady/"+server] }
	flood := func(server string) time.Duration { return b.seen.talks["room-of-1000/flood/"+server].perDelivery }
	ratio("CPU per delivery, saturated room of 1,000: Hubbub / Centrifugo", flood(nameHubbub), flood(nameCentrifugo), goal{limit: 1.0 / 3})
	ratio("the same: Hubbub / floor", flood(nameHubbub), flood(nameFloor), goal{limit: 1.0 / 20})
	ratio("CPU per delivery, quiet room of 1,000: floor / Hubbub", steady(nameFloor).perDelivery, steady(nameHubbub).perDelivery, goal{limit: 0.9, least: true})
	if m := steady(nameHubbub); m.Sent > 0 {
		b.table.row("p99, room of 1,000 at 20 messages/s", millis(m.P99), reached(m.P99 <= 10*time.Millisecond, "at most 10 ms"))
		ratio("the same: Hubbub / Centrifugo", m.P99, steady(nameCentrifugo).P99, goal{limit: 1})
		ratio("the same: Hubbub / floor", m.P99, steady(nameFloor).P99, goal{})
	} else {
		b.table.note("p99, room of 1,000: not measured in this run")
	}
	return nil
}
