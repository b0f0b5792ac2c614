package replica

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	expired                   prometheus.Counter
	refused, snapshots, heals *prometheus.CounterVec
	audits                    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer, r *Replica) metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "hubbub", Subsystem: "presence", Name: name, Help: help}
	}
	m := metrics{
		expired:   prometheus.NewCounter(prometheus.CounterOpts(opts("edges_expired_total", "Edges that were silent for too long."))),
		refused:   prometheus.NewCounterVec(prometheus.CounterOpts(opts("reports_refused_total", "Reports of edges that were passed over, by reason.")), []string{"reason"}),
		snapshots: prometheus.NewCounterVec(prometheus.CounterOpts(opts("snapshots_total", "Snapshots of edges that were read, by result.")), []string{"result"}),
		heals:     prometheus.NewCounterVec(prometheus.CounterOpts(opts("divergences_total", "Times that this replica found that it had missed changes of an edge, by what showed it: missing numbers, or the digest.")), []string{"cause"}),
	}
	m.audits = prometheus.NewCounterVec(prometheus.CounterOpts(opts("audits_total", "Times that what is held of an edge was compared with the sockets that it has, by result.")), []string{"result"})
	gauge := func(name, help string, get func() int) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts(name, help)), func() float64 {
			r.mu.RLock()
			defer r.mu.RUnlock()
			return float64(get())
		})
	}
	if reg != nil {
		reg.MustRegister(m.expired, m.refused, m.snapshots, m.heals, m.audits,
			gauge("edges", "Edges that are there.", func() int { return len(r.edges.known) }),
			gauge("sessions", "Sessions over all edges.", func() int { n, _, _ := r.roster.Size(); return n }),
			gauge("users", "Users with a session, or whose leaving has not been told yet.", func() int { _, n, _ := r.roster.Size(); return n }),
			gauge("rooms", "Rooms that somebody is in.", func() int { _, _, n := r.roster.Size(); return n }),
			gauge("ghosts", "Sessions that are held and that their edge does not have, by the last audit.", func() int { return r.total().ghosts }),
			gauge("missing", "Sessions that an edge has and that are not held, by the last audit.", func() int { return r.total().missing }),
			gauge("differing", "Sessions whose user, device, status or rooms are not held as their edge has them, by the last audit.", func() int { return r.total().differing }),
			gauge("ghosts_oldest_seconds", "How long ago the oldest of the ghosts, the missing and the differing was found.", func() int {
				if all := r.total(); all.any() {
					return int(time.Since(all.since) / time.Second)
				}
				return 0
			}),
			gauge("ready", "1 when this replica answers.", func() int {
				if r.ready {
					return 1
				}
				return 0
			}),
		)
	}
	return m
}
