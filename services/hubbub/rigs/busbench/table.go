package busbench

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/url"
	"time"
)

// putStamp writes the time into an entry.
func putStamp(data []byte) { binary.BigEndian.PutUint64(data, uint64(time.Now().UnixMicro())) }

// stampOf returns the time that putStamp wrote; false: there is none.
func stampOf(data []byte) (time.Time, bool) {
	if len(data) < 8 {
		return time.Time{}, false
	}
	us := int64(binary.BigEndian.Uint64(data))
	return time.UnixMicro(us), us > 0
}

// printTable prints the results as a Markdown table, a column for each bus.
func printTable(out io.Writer, all []result) {
	row := func(name string, cell func(result) string) {
		fmt.Fprintf(out, "| %s |", name)
		for _, r := range all {
			fmt.Fprintf(out, " %s |", cell(r))
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintln(out)
	row("", func(r result) string { return hostOf(r.url) })
	row("---", func(result) string { return "---:" })
	for _, s := range shapes {
		row(fmt.Sprintf("appends/s, %d rooms, %d B", s.rooms, s.bytes), func(r result) string { return fmt.Sprintf("%.0f", r.appends[s]) })
	}
	row("append to live, steady: p50 / p99 / p99.9", func(r result) string { return r.steady.String() })
	row("append to live, saturated: p50 / p99 / p99.9", func(r result) string { return r.full.String() })
	row("replay, entries/s", func(r result) string { return fmt.Sprintf("%.0f", r.replay) })
	row("ingest of a backlog, entries/s", func(r result) string { return fmt.Sprintf("%.0f", r.ingest.rate) })
	row("longest pause of a room meanwhile", func(r result) string {
		return fmt.Sprintf("%.1f ms", float64(r.ingest.pause.Microseconds())/1000)
	})
	row("allocations per append / per live delivery", func(r result) string { return fmt.Sprintf("%.1f / %.1f", r.allocs.append, r.allocs.live) })
	row("memory of the server per room / per id", func(r result) string {
		if r.weight == nil {
			return "–"
		}
		return fmt.Sprintf("%.0f / %.0f B", r.weight.room, r.weight.id)
	})
}

// String gives the percentiles in milliseconds.
func (l latencies) String() string {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return fmt.Sprintf("%.2f / %.2f / %.2f ms", ms(l.p50), ms(l.p99), ms(l.p999))
}

// hostOf returns a URL without its user and password.
func hostOf(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "bus"
	}
	return u.Scheme + "://" + u.Host
}
