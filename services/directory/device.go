package directory

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mileusna/useragent"

	"hubbub.internal/services/directory/store"
)

// maxAgent is how much is kept of what a client says it is, in bytes.
const maxAgent = 256

type agentKey struct{}

// agentOf returns what the client of a request says it is.
func agentOf(ctx context.Context) string {
	agent, _ := ctx.Value(agentKey{}).(string)
	return agent
}

// cutAgent returns a User-Agent as it may be kept and shown: in printable ASCII, of which the
// standard ones are made (RFC 9110, section 10.1.5), and not long.
func cutAgent(agent string) string {
	agent = strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, agent)
	return strings.TrimSpace(agent[:min(len(agent), maxAgent)])
}

// deviceName says in a few words what a client says it is.
func deviceName(agent string) string {
	ua := useragent.Parse(agent)
	switch {
	case ua.Name != "" && ua.OS != "":
		return ua.Name + " on " + ua.OS
	case ua.Name != "":
		return ua.Name
	}
	return "Unknown device"
}

// A known device is one from which a user has logged in before. It shows a secret: the user's id, a
// number of its own, and an HMAC of both with a key that the store has for the user. Wrong
// passwords of others do not keep it out. It is worth no more than that: a password is needed all
// the same. With a new key, as a new password brings, no device is known.
const (
	deviceNumberSize = 12
	deviceMACSize    = 16
	deviceKeySize    = 32
)

func newDeviceKey() []byte { return randomBytes(deviceKeySize) }

func deviceMAC(key []byte, user string, number []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(user))
	mac.Write(number)
	return mac.Sum(nil)[:deviceMACSize]
}

// deviceToken returns the secret that a user's device shows from now on: the one that it showed, if
// that is known, or else a new one.
func (s *passwords) deviceToken(ctx context.Context, u store.User, shown []string) (string, error) {
	a, err := s.store.Account(ctx, u.ID)
	if err != nil {
		return "", err
	}
	for _, token := range shown {
		if _, ok := numberOf(token, u.ID, a.DeviceKey); ok {
			return token, nil
		}
	}
	if len(a.DeviceKey) == 0 {
		// If two log-ins store the user's first key at the same moment, one key stays, and the
		// device of the other log-in is not known.
		a.DeviceKey = newDeviceKey()
		if err := s.store.PatchAccount(ctx, u.ID, store.AccountPatch{DeviceKey: a.DeviceKey}); err != nil {
			return "", err
		}
	}
	number := randomBytes(deviceNumberSize)
	return u.ID + "." + base64.RawURLEncoding.EncodeToString(append(number, deviceMAC(a.DeviceKey, u.ID, number)...)), nil
}

// knownDevice returns the number of the user's device that one of the secrets belongs to; empty:
// none does.
func (s *passwords) knownDevice(ctx context.Context, u store.User, shown []string) (string, error) {
	if u.ID == "" || len(shown) == 0 {
		return "", nil
	}
	a, err := s.store.Account(ctx, u.ID)
	if err != nil {
		return "", err
	}
	for _, token := range shown {
		if number, ok := numberOf(token, u.ID, a.DeviceKey); ok {
			return number, nil
		}
	}
	return "", nil
}

// numberOf returns the number of a user's device, if the secret is of one.
func numberOf(token, user string, key []byte) (number string, ok bool) {
	id, text, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.DecodeString(text)
	if id != user || err != nil || len(b) != deviceNumberSize+deviceMACSize || len(key) == 0 {
		return "", false
	}
	n := b[:deviceNumberSize]
	return hex.EncodeToString(n), hmac.Equal(b[deviceNumberSize:], deviceMAC(key, user, n))
}

const (
	deviceCookieName = "hubbub_device"
	deviceCookieLife = 365 * 24 * time.Hour
	// deviceSeparator stands in no secret, and may stand in a cookie.
	deviceSeparator = "~"
	// maxDeviceTokens is for how many users one browser is a known device, and how many secrets of
	// a request are checked.
	maxDeviceTokens = 4
)

// deviceCookie takes the value of the cookie apart.
func deviceCookie(value string) []string {
	all := strings.SplitN(value, deviceSeparator, maxDeviceTokens+1)
	return slices.DeleteFunc(all[:min(len(all), maxDeviceTokens)], func(token string) bool { return token == "" })
}

// keepDevice returns a browser's cookie with one more secret in front of those that it has.
func keepDevice(ctx context.Context, token string, had []string) http.Cookie {
	id, _, _ := strings.Cut(token, ".")
	had = slices.DeleteFunc(had, func(other string) bool { return strings.HasPrefix(other, id+".") })
	all := append([]string{token}, had...)
	return http.Cookie{
		// no Path: where the page may be, a proxy knows
		Name: deviceCookieName, Value: strings.Join(all[:min(len(all), maxDeviceTokens)], deviceSeparator),
		MaxAge: int(deviceCookieLife / time.Second), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: isSecure(ctx),
	}
}
