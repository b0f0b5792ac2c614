package directory

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"go.uber.org/zap"

	"hubbub.internal/libs/bus/membus"
	"hubbub.internal/services/directory/store"
	"hubbub.internal/services/directory/store/memory"
)

func keySecret(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, keySecretSize))
}

// TestKeysAreEncrypted starts on keys that are not encrypted, encrypts them, goes on to another
// secret, and does not start with a wrong one or none.
func TestKeysAreEncrypted(t *testing.T) {
	cfg := config()
	w := restart(t, cfg, nil)
	ann := w.register("Ann")
	kept := func() store.Key {
		t.Helper()
		all, err := w.memory.Keys(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("keys are %+v, %v", all, err)
		}
		return all[0]
	}
	plain := kept()
	if len(plain.Seed) != ed25519.SeedSize {
		t.Fatalf("without a secret, a seed of %d bytes is kept", len(plain.Seed))
	}
	var before []byte
	for _, secrets := range [][]string{{keySecret(1)}, {keySecret(2), keySecret(1)}, {keySecret(2)}} {
		w.stop()
		cfg.KeySecrets = secrets
		w = restart(t, cfg, w.world)
		if _, code := w.call("GET", "/v1/me", ann.Token, "", nil); code != "" {
			t.Errorf("a token of before: %q", code)
		}
		now := kept().Seed
		// The last start finds the key as it would keep it.
		if bytes.Contains(now, plain.Seed) || (secrets[0] == keySecret(2) && len(secrets) == 1) != bytes.Equal(now, before) {
			t.Errorf("with %d secrets, kept is %x, and was %x", len(secrets), now, before)
		}
		before = now
	}
	w.stop()
	for name, secrets := range map[string][]string{"a wrong secret": {keySecret(1), keySecret(3)}, "no secret": nil} {
		cfg.KeySecrets = secrets
		svc, err := New(cfg, Deps{Bus: w.connect(t), Store: w.memory, Log: zap.NewNop()})
		if err != nil {
			t.Fatal(err)
		}
		if err := svc.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--key-secrets") {
			t.Errorf("%s: %v", name, err)
		}
		if !bytes.Equal(kept().Seed, before) {
			t.Errorf("%s changed the key", name)
		}
	}
	// What belongs to another key, or was cut, opens nothing.
	s, err := parseSeals([]string{keySecret(2)})
	if err != nil {
		t.Fatal(err)
	}
	if seed, _, err := s.open(plain.ID, before); err != nil || !bytes.Equal(seed, plain.Seed) {
		t.Errorf("opened: %x, %v", seed, err)
	}
	for name, bad := range map[string][]byte{"cut": before[:len(before)-1], "changed": append([]byte{sealed, before[1] ^ 1}, before[2:]...), "nothing": nil, "of a newer release": append([]byte{9}, before[1:]...)} {
		if _, _, err := s.open(plain.ID, bad); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if _, _, err := s.open("another", before); err == nil {
		t.Error("another key's seed was opened")
	}
}

// TestNewKeysAreEncrypted makes the first key with a secret.
func TestNewKeysAreEncrypted(t *testing.T) {
	cfg := config()
	cfg.KeySecrets = []string{keySecret(7)}
	kept := memory.New()
	svc, err := New(cfg, Deps{Bus: onServer(membus.NewServer(membus.Options{}))(t), Store: kept, Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	if !svc.prepare(t.Context()) {
		t.Fatal(svc.unfit)
	}
	if all, err := kept.Keys(t.Context()); err != nil || len(all) != 1 || len(all[0].Seed) == ed25519.SeedSize || all[0].Seed[0] != sealed {
		t.Errorf("kept are %+v, %v", all, err)
	}
}
