package chart

import (
	"slices"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
)

// TestChartBackup: the chart makes backups only on request, by a pod with the least rights that
// reaches bus and store.
func TestChartBackup(t *testing.T) {
	t.Parallel()
	const over = `
bus: { existingSecret: nats, caSecret: nats-ca }
backup: { enabled: true, existingClaim: backups, keep: 3, config: { HUBBUB_WAIT: 5m }, podAnnotations: { a: b } }
`
	o := rendered(t, over)
	cron := o.crons["chat-hubbub-backup"]
	if cron == nil || cron.Spec.Schedule != "17 3 * * *" || cron.Spec.ConcurrencyPolicy != "Forbid" {
		t.Fatalf("the job is %+v", cron)
	}
	p := cron.Spec.JobTemplate.Spec.Template.Spec
	c := p.Containers[0]
	s, ps := c.SecurityContext, p.SecurityContext
	if *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) ||
		!*ps.RunAsNonRoot || *ps.FSGroup != 65532 || *p.AutomountServiceAccountToken || p.RestartPolicy != core.RestartPolicyNever {
		t.Errorf("the pod has rights that it does not need: %+v, %+v", s, ps)
	}
	if c.Image != "ghcr.io/somebody/hubbub/hubbub:"+strings.TrimPrefix(c.Image, "ghcr.io/somebody/hubbub/hubbub:") || c.Resources.Limits.Memory().IsZero() {
		t.Errorf("it runs %s with %+v", c.Image, c.Resources)
	}
	if !slices.Equal(c.Command, []string{"/hubbub-service", "backup", "/backups", "--keep", "3"}) {
		t.Errorf("it runs %v", c.Command)
	}
	mounts := map[string]string{}
	for _, m := range c.VolumeMounts {
		mounts[m.MountPath] = m.Name
	}
	for _, e := range c.Env {
		dir := e.Value[:max(0, strings.LastIndexByte(e.Value, '/'))]
		if strings.HasPrefix(e.Value, "/run/secrets/") && mounts[dir] == "" {
			t.Errorf("a variable names %s, which is not mounted", e.Value)
		}
	}
	if len(c.Env) != 6 {
		t.Errorf("its variables are %+v", c.Env)
	}
	for _, v := range p.Volumes {
		if !slices.ContainsFunc(c.VolumeMounts, func(m core.VolumeMount) bool { return m.Name == v.Name }) {
			t.Errorf("%s is mounted nowhere", v.Name)
		}
		if v.Name == "backups" && v.PersistentVolumeClaim.ClaimName != "backups" {
			t.Errorf("backups go to %+v", v)
		}
	}
	policy := o.policies["chat-hubbub-backup"]
	labels := cron.Spec.JobTemplate.Spec.Template.Labels
	if policy == nil || !has(labels, policy.Spec.PodSelector.MatchLabels) || len(policy.Spec.Ingress) != 0 || len(policy.Spec.Egress) != 2 || len(policy.Spec.Egress[1].Ports) != 4 {
		t.Errorf("its policy is %+v", policy)
	}
	if quiet := rendered(t, ""); len(quiet.crons) != 0 {
		t.Error("backups are made by default")
	}
}
