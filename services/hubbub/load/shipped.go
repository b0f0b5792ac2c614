package load

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Shipped is a Measured that can be sent to another process.
type Shipped struct {
	Measured Measured      // without histograms
	Times    [spans][]byte // those, encoded
}

func (n *Measured) ship() (s Shipped, err error) {
	s.Measured = *n
	for i, h := range n.times {
		if s.Times[i], err = h.Encode(hdrhistogram.V2CompressedEncodingCookieBase); err != nil {
			return s, fmt.Errorf("encode a histogram: %w", err)
		}
	}
	return s, nil
}

func (s Shipped) unpack() (n Measured, err error) {
	n = s.Measured
	for i, b := range s.Times {
		if n.times[i], err = hdrhistogram.Decode(b); err != nil {
			return n, fmt.Errorf("decode a histogram: %w", err)
		}
	}
	return n, nil
}

// merge adds what was done elsewhere at the same time. How long nothing was acknowledged at all cannot be told then.
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
	n.LongestNo = 0
	n.LongestMe = max(n.LongestMe, o.LongestMe)
	for i, h := range o.times {
		n.times[i].Merge(h)
	}
}

// together adds up what was done in several processes since then.
func together(began time.Time, all []Measured) (sum Measured) {
	sum.reset()
	sum.Began = began
	for _, m := range all {
		sum.merge(m)
	}
	if len(all) == 1 {
		sum.LongestNo = all[0].LongestNo
	}
	return sum
}
