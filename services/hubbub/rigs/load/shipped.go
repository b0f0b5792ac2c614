package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Shipped is a Measured that can be sent to another process.
type Shipped struct {
	Measured Measured               // without histograms
	Times    [spans]map[int32]int64 // their counts that are not 0
}

func (n *Measured) ship() (s Shipped) {
	s.Measured = *n
	for i, h := range n.times {
		s.Times[i] = make(map[int32]int64)
		for k, count := range h.Export().Counts {
			if count != 0 {
				s.Times[i][int32(k)] = count
			}
		}
	}
	return s
}

func (s Shipped) unpack() (n Measured) {
	n = s.Measured
	for i, counts := range s.Times {
		all := newHistogram().Export()
		for k, count := range counts {
			all.Counts[k] = count
		}
		n.times[i] = hdrhistogram.Import(all)
	}
	return n
}

// merge adds the measurement of another process over the same time. The longest silence of both
// together is unknown then.
func (n *Measured) merge(o Measured) {
	n.Sent += o.Sent
	n.Acked += o.Acked
	n.Delivered += o.Delivered
	n.Entered += o.Entered
	n.Reconnects += o.Reconnects
	for code, k := range o.Failed {
		n.Failed[code] += k
	}
	for code, k := range o.Lost {
		n.Lost[code] += k
	}
	n.LongestSilence = 0
	n.LongestWait = max(n.LongestWait, o.LongestWait)
	for i, h := range o.times {
		n.times[i].Merge(h)
	}
}

// together sums the measurements of several processes since began.
func together(began time.Time, all []Measured) (sum Measured) {
	sum.reset()
	sum.Began = began
	for _, m := range all {
		sum.merge(m)
	}
	if len(all) == 1 {
		sum.LongestSilence = all[0].LongestSilence
	}
	return sum
}
