package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestWatchedAnew: a certificate that takes the place of another is warned about at once, and the
// metrics are of it alone.
func TestWatchedAnew(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	reg := prometheus.NewRegistry()
	e := NewExpiry(zap.New(core), reg)
	now := time.Unix(1_800_000_000, 0)
	e.now = func() time.Time { return now }
	of := func(name string, left time.Duration) *x509.Certificate {
		return &x509.Certificate{DNSNames: []string{name}, NotBefore: now.Add(left - 100*time.Hour), NotAfter: now.Add(left)}
	}
	a, b := of("chat.example", time.Hour), of("chat.example", 2*time.Hour)
	for i, leaf := range []*x509.Certificate{of("old.example", time.Hour), a, a, b, b} {
		e.Watch("renew it", leaf)
		if got, want := logs.Len(), []int{1, 2, 2, 3, 3}[i]; got != want {
			t.Errorf("after %d looks there are %d warnings, want %d", i+1, got, want)
		}
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		want := float64(b.NotAfter.Unix())
		if strings.Contains(f.GetName(), "_start_") {
			want = float64(b.NotBefore.Unix())
		}
		if all := f.GetMetric(); len(all) != 1 || all[0].GetGauge().GetValue() != want {
			t.Errorf("%s is %v, want %v", f.GetName(), all, want)
		}
	}
}

func TestRenewedBefore(t *testing.T) {
	for life, want := range map[time.Duration]time.Duration{10 * time.Hour: 2 * time.Hour, 70 * 24 * time.Hour: 14 * 24 * time.Hour, 1000 * time.Hour: 200 * time.Hour, 90 * 24 * time.Hour: 14 * 24 * time.Hour} {
		now := time.Now()
		if got := RenewedBefore(&x509.Certificate{NotBefore: now, NotAfter: now.Add(life)}); got != want {
			t.Errorf("of a life of %s it is %s, want %s", life, got, want)
		}
	}
}

// TestNameOf: a certificate without host names has its address, or what its subject says.
func TestNameOf(t *testing.T) {
	subject := pkix.Name{CommonName: "common"}
	for want, leaf := range map[string]*x509.Certificate{
		"a.example": {DNSNames: []string{"a.example", "b.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, Subject: subject},
		"127.0.0.1": {IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, Subject: subject},
		"common":    {Subject: subject},
	} {
		if got := nameOf(leaf); got != want {
			t.Errorf("the name is %q, want %q", got, want)
		}
	}
}
