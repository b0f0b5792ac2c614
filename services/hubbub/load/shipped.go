package load

import (
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Shipped is a Measured that can be sent to another process.
type Shipped struct {
	Measured           Measured // without histograms
	Ack, Deliver, Back []byte   // those, encoded
}

func (n *Measured) ship() (s Shipped, err error) {
	s.Measured = *n
	for _, h := range []struct {
		from *hdrhistogram.Histogram
		to   *[]byte
	}{{n.ack, &s.Ack}, {n.deliver, &s.Deliver}, {n.back, &s.Back}} {
		b, err := h.from.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
		if err != nil {
			return s, fmt.Errorf("encode a histogram: %w", err)
		}
		*h.to = b
	}
	return s, nil
}

func (s Shipped) unpack() (n Measured, err error) {
	n = s.Measured
	var errs [3]error
	n.ack, errs[0] = hdrhistogram.Decode(s.Ack)
	n.deliver, errs[1] = hdrhistogram.Decode(s.Deliver)
	n.back, errs[2] = hdrhistogram.Decode(s.Back)
	if err := errors.Join(errs[:]...); err != nil {
		return n, fmt.Errorf("decode a histogram: %w", err)
	}
	return n, nil
}

// merge adds what was done elsewhere at the same time. How long nothing was acknowledged at all cannot be told then.
func (n *Measured) merge(o Measured) {
	n.Sent += o.Sent
	n.Acked += o.Acked
	n.Delivered += o.Delivered
	n.Reconnects += o.Reconnects
	for code, k := range o.Failed {
		n.Failed[code] += k
	}
	n.LongestNo = 0
	n.LongestMe = max(n.LongestMe, o.LongestMe)
	n.ack.Merge(o.ack)
	n.deliver.Merge(o.deliver)
	n.back.Merge(o.back)
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
