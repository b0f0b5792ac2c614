package main

import (
	"fmt"
	"strings"
	"time"

	"hubbub.internal/services/hubbub/rigs/edgebench/clients"
)

// table is a Markdown table that is printed row by row, so that an interrupted run shows what was
// measured so far.
type table struct {
	title   string
	columns []string
	begun   bool
}

func newTable(title string, columns ...string) *table { return &table{title: title, columns: columns} }

func talkTable(title string) *table {
	return newTable(title, "server", "rate", "deliveries/s", "CPU per delivery", "p50", "p99", "core", "bus", "clients", "bytes each", "lost")
}

func (t *table) row(cells ...string) {
	if !t.begun {
		t.begun = true
		fmt.Printf("\n### %s\n\n| %s |\n|%s\n", t.title, strings.Join(t.columns, " | "), strings.Repeat("---|", len(t.columns)))
	}
	fmt.Printf("| %s |\n", strings.Join(cells, " | "))
}

// note prints, in a row of its own, what could not be measured.
func (t *table) note(format string, args ...any) {
	line, _, _ := strings.Cut(fmt.Sprintf(format, args...), "\n")
	t.row(append([]string{strings.ReplaceAll(line, "|", "/")}, make([]string, len(t.columns)-1)...)...)
}

// talked is the outcome of a talk, and what the server spent on it.
type talked struct {
	clients.Outcome
	perDelivery time.Duration // CPU time of the server
	perSecond   float64       // deliveries
	core        float64       // share of a core that the server used
	bus         float64       // the same, of the bus's process
	clients     float64       // the same, of this process
}

func spent(h clients.Outcome, before, after usage) talked {
	return talked{
		Outcome: h, perDelivery: (after.server - before.server) / time.Duration(max(1, h.Delivered)),
		perSecond: float64(h.Delivered) / h.Took.Seconds(),
		core:      (after.server - before.server).Seconds() / h.Took.Seconds(),
		bus:       (after.bus - before.bus).Seconds() / h.Took.Seconds(),
		clients:   (after.clients - before.clients).Seconds() / h.Took.Seconds(),
	}
}

func (m talked) cells() []string {
	bus := ""
	if m.bus > 0 {
		bus = percent(m.bus)
	}
	return []string{
		count(int(m.perSecond)), micros(m.perDelivery), millis(m.P50), millis(m.P99),
		percent(m.core), bus, percent(m.clients), count(int(m.Bytes / max(1, m.Delivered))), count(int(m.Lost)),
	}
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// count writes a number with commas.
func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func micros(d time.Duration) string {
	us := float64(d) / 1000
	switch {
	case us < 10:
		return fmt.Sprintf("%.2f µs", us)
	case us < 100:
		return fmt.Sprintf("%.1f µs", us)
	}
	return fmt.Sprintf("%.0f µs", us)
}

func millis(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }

func octets(n float64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%.0f B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f KB", n/1000)
	}
	return fmt.Sprintf("%.1f MB", n/1_000_000)
}

func octetsOr(n float64, known bool) string {
	if !known {
		return ""
	}
	return octets(n)
}
