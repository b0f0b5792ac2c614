package notify

import (
	"github.com/prometheus/client_golang/prometheus"

	"hubbub.internal/services/notify/push"
)

type metrics struct {
	pushes  *prometheus.CounterVec
	skipped *prometheus.CounterVec
	old     prometheus.Counter
	dropped prometheus.Counter
}

// Reasons for a suppressed notice.
const (
	skipSilent = "silent" // quiet hours, a pause, or do not disturb
	skipActive = "active"
	skipRead   = "read"
)

func newMetrics(reg prometheus.Registerer, s *Service) *metrics {
	m := &metrics{
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hubbub_notify_pushes_total", Help: "Pushes, by outcome: sent, lapsed (the device is gone), refused by the push service, failed after several tries, or dropped.",
		}, []string{"outcome"}),
		skipped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hubbub_notify_skipped_total", Help: "Notices that nobody needed, by reason: silent (quiet hours or do not disturb), active (looking at a device) or read meanwhile.",
		}, []string{"reason"}),
		old:     prometheus.NewCounter(prometheus.CounterOpts{Name: "hubbub_notify_old_total", Help: "Messages that got no notice because they were too old."}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{Name: "hubbub_notify_dropped_total", Help: "Messages that got no notice because too many waited."}),
	}
	for _, o := range []push.Outcome{push.Sent, push.Lapsed, push.Refused, push.Failed, push.Dropped} {
		m.pushes.WithLabelValues(string(o))
	}
	for _, r := range []string{skipSilent, skipActive, skipRead} {
		m.skipped.WithLabelValues(r)
	}
	if reg == nil {
		return m
	}
	gauge := func(name, help string, value func() int) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	gauge("hubbub_notify_waiting", "Messages that wait for their notices.", s.queue.Len)
	gauge("hubbub_notify_pushes_waiting", "Pushes to send, including those under way.", s.sender.Waiting)
	gauge("hubbub_notify_people", "People with a device that gets pushes.", s.listeners.Size)
	reg.MustRegister(m.pushes, m.skipped, m.old, m.dropped)
	return m
}
