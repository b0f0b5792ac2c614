// Package push sends pushes to push services (RFC 8030), encrypted for the device (RFC 8291) and
// signed by the server (RFC 8292). Each push service has its own queue: one that is slow, away or
// refuses for a while does not delay the others.
//
// It decides nothing about people and messages. Its queues are in memory, and bounded.
package push

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	webpush "github.com/SherClockHolmes/webpush-go"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/outbound"
)

const (
	// MaxPayload bounds a payload, in bytes: a push service accepts 4,096 with what the encryption
	// adds.
	MaxPayload = 3000
	// maxAnswer bounds what is read of an answer, so that its connection can be reused.
	maxAnswer = 4 << 10
)

// Push is a message for a device.
type Push struct {
	User    string
	Device  directoryapi.Device
	Payload []byte
	// Topic: a later push with the same topic replaces this one while it waits, here and at the
	// push service. At most 32 characters of base64url; empty: none does.
	Topic  string
	Urgent bool
}

// Outcome is the result of a push.
type Outcome string

// The outcomes.
const (
	Sent    Outcome = "sent"
	Lapsed  Outcome = "lapsed"  // the device is gone, or must not be pushed to
	Refused Outcome = "refused" // the push service accepts no such push
	Failed  Outcome = "failed"  // every retry failed
	Dropped Outcome = "dropped" // too many waited
	later   Outcome = "later"
)

// Keys returns the key that pushes are signed with.
type Keys func(ctx context.Context) (directoryapi.PushKey, error)

// poster makes the requests.
type poster struct {
	client  *http.Client
	keys    Keys
	contact string
	life    time.Duration
}

// post pushes once. With the outcome later, retry is how long the push service wants no further
// push.
func (p *poster) post(ctx context.Context, push Push) (out Outcome, retry time.Duration, err error) {
	key, err := p.keys(ctx)
	if err != nil {
		return later, 0, fmt.Errorf("get the key that signs pushes: %w", err)
	}
	urgency := webpush.UrgencyNormal
	if push.Urgent {
		urgency = webpush.UrgencyHigh
	}
	res, err := webpush.SendNotificationWithContext(ctx, push.Payload, &webpush.Subscription{
		Endpoint: push.Device.Endpoint,
		Keys: webpush.Keys{
			P256dh: base64.RawURLEncoding.EncodeToString(push.Device.Key), Auth: base64.RawURLEncoding.EncodeToString(push.Device.Secret),
		},
	}, &webpush.Options{
		HTTPClient: p.client, Subscriber: p.contact, Topic: push.Topic, TTL: int(p.life / time.Second), Urgency: urgency,
		VAPIDPublicKey: key.Public, VAPIDPrivateKey: key.Private,
	})
	if errors.Is(err, outbound.ErrPrivate) {
		return Lapsed, 0, err
	} else if err != nil {
		return later, 0, err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	switch code := res.StatusCode; {
	case code >= 200 && code < 300:
		return Sent, 0, nil
	case code == http.StatusNotFound || code == http.StatusGone:
		return Lapsed, 0, fmt.Errorf("the push service answers %d", code)
	case code == http.StatusTooManyRequests || code >= 500:
		return later, retryAfter(res.Header.Get("Retry-After"), time.Now()), fmt.Errorf("the push service answers %d", code)
	default:
		return Refused, 0, fmt.Errorf("the push service answers %d", code)
	}
}

// retryAfter parses the header Retry-After: seconds, or a time (RFC 9110, section 10.2.3). 0: none.
func retryAfter(header string, now time.Time) time.Duration {
	if n, err := strconv.Atoi(header); err == nil && n > 0 && n < 1<<30 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
