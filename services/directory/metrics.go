package directory

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	logins      *prometheus.CounterVec // by outcome
	storeErrors prometheus.Counter
	stolen      prometheus.Counter
	told        prometheus.Counter
	mails       *prometheus.CounterVec // by outcome
	digests     *prometheus.CounterVec // by outcome
	untold      prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hubbub_directory_logins_total", Help: "Log-ins, registrations and refreshes, by kind and outcome.",
		}, []string{"kind", "outcome"}),
		storeErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hubbub_directory_store_errors_total", Help: "Requests that failed because the store failed.",
		}),
		stolen: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hubbub_directory_stolen_sessions_total", Help: "Log-ins that were ended because a refresh token was used twice: somebody may have stolen it.",
		}),
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hubbub_directory_mails_total", Help: "Letters, by outcome: sent, refused by the mail server, late (not sent in time) or dropped.",
		}, []string{"outcome"}),
		digests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hubbub_directory_digests_total", Help: "Accounts that were checked for a due digest, by outcome: written, nothing to write, or failed because a service did not answer.",
		}, []string{"outcome"}),
		told: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hubbub_directory_changes_total", Help: "Changes announced on the control log.",
		}),
		untold: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "hubbub_directory_untold_changes", Help: "Changes that a crash or failure left unannounced, at most 100.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.logins, m.storeErrors, m.stolen, m.mails, m.digests, m.told, m.untold)
	}
	return m
}
