package directory

import (
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	good := config()
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for flag, change := range map[string]func(*Config){
		"--token-life":        func(c *Config) { c.TokenLife = 0 },
		"--session-life":      func(c *Config) { c.SessionLife = time.Minute },
		"--user-sessions":     func(c *Config) { c.UserSessions = 0 },
		"--refresh-grace":     func(c *Config) { c.RefreshGrace = time.Second },
		"--key-life":          func(c *Config) { c.KeyLife = time.Minute },
		"--hash-memory":       func(c *Config) { c.HashMemory = 1 },
		"--hash-time":         func(c *Config) { c.HashTime = 0 },
		"--hash-parallel":     func(c *Config) { c.HashParallel = 0 },
		"--login-attempts":    func(c *Config) { c.LoginAttempts = 0 },
		"--account-rate":      func(c *Config) { c.AccountRate = 0 },
		"--change-rate":       func(c *Config) { c.ChangeRate = -1 },
		"--key-secrets":       func(c *Config) { c.KeySecrets = []string{keySecret(1), "c2hvcnQ="} },
		"--owners":            func(c *Config) { c.Owners = []string{"Ann", "two words"} },
		"--trusted-proxies":   func(c *Config) { c.TrustedProxies = []string{"nginx"} },
		"--guest-life":        func(c *Config) { c.GuestLife = time.Minute },
		"--guest-network-ban": func(c *Config) { c.GuestNetwork = -1 },
		"--smtp-url":          func(c *Config) { c.SMTPURL, c.MailFrom, c.PageURL = "http://x", "a@b", "http://x" },
		"--mail-from":         func(c *Config) { c.SMTPURL, c.PageURL = "smtp://x", "http://x" },
		"--page-url":          func(c *Config) { c.SMTPURL, c.MailFrom, c.PageURL = "smtp://x", "a@b", "chat.example" },
		"--digest":            func(c *Config) { c.Digest = "yearly" },
		"--digest-after":      func(c *Config) { c.DigestAfter = time.Second },
		"--accounts-per-day":  func(c *Config) { c.AccountDay = 0 },
	} {
		c := config()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}
