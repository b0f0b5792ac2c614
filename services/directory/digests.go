package directory

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"go.uber.org/zap"

	historyapi "hubbub.internal/libs/api/history"
	presenceapi "hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/attention"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/mail"
	"hubbub.internal/services/directory/store"
)

// A digest is a letter that says what waits for somebody who is away. Each account with a mail
// address has a time at which it is looked at next; the replica that moves this time first does it.
// What waits is what the inbox counts as unread, so nothing is kept for digests but the two times
// of an account.

const (
	// digestsAtOnce is how many accounts a round looks at, and how many letters may be waiting for
	// a round to begin: other letters do not stand behind thousands of digests.
	digestsAtOnce = 50
	// digestLook is after how long an account is looked at again that had nothing to be told.
	digestLook = time.Hour
	// digestWatch is after how long somebody is looked at again who was here a moment ago.
	digestWatch = 15 * time.Minute
	// digestAgain is after how long it is tried again when a service did not answer.
	digestAgain = 5 * time.Minute
	// digestLife is for how long it is tried to send one.
	digestLife = 6 * time.Hour
	// digestTimeout bounds what it takes to look at one account.
	digestTimeout = 10 * time.Second
	// digestMissed: an account that should have been looked at so long ago was not, because this
	// is the first release with digests, or the server sent no mail or was down.
	digestMissed = 24 * time.Hour
	// digestSpread is over how long such accounts are spread.
	digestSpread = 24 * time.Hour
	// digestOldest is how old what a digest tells may be.
	digestOldest = 14 * 24 * time.Hour
	// unknownDigest is DigestDue of accounts of which it was not known, or that come in by the
	// thousand: they were missed.
	unknownDigest = 1
)

// digests writes to people who are away what waits for them.
type digests struct {
	*core
	records         *records
	rights          *rights
	letters         *letters
	groups          *groups
	push            *push
	reach           *reach
	userPreferences *userPreferences
}

// firstDigest returns when an account that gets a mail address is looked at, in UTC milliseconds;
// 0: never, since it has none.
func (c *core) firstDigest(address string) int64 {
	if address == "" {
		return 0
	}
	return time.Now().Add(c.cfg.DigestAfter).UnixMilli()
}

// run looks at accounts until ctx ends, in rounds, beside the rest of housekeeping: other services
// may take long to answer.
func (s *digests) run(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for begun := false; ; {
		var err error
		if !begun {
			err = s.store.BeginDigests(ctx, unknownDigest)
			begun = err == nil
		}
		if err == nil {
			err = s.sweepDigests(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("could not look for whom something waits; trying again", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweepDigests looks at the accounts whose time has come. It ends when one of them cannot be looked
// at, since the others would wait for the same service.
func (s *digests) sweepDigests(ctx context.Context) error {
	if s.letters.mailing.queue.Waiting() > digestsAtOnce {
		return nil
	}
	now := time.Now()
	due, err := s.store.DigestsDue(ctx, now.UnixMilli(), digestsAtOnce)
	if err != nil {
		return err
	}
	for _, a := range due {
		look := s.look
		if now.Sub(time.UnixMilli(a.DigestDue)) > digestMissed {
			look = s.scheduleMissed
		}
		// ErrNotFound: another replica was first, or the address is another now
		if err := look(ctx, a, now); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

// scheduleMissed gives an account that was missed a time of its own. Somebody who never had a
// digest is told only of what comes from now on.
func (s *digests) scheduleMissed(ctx context.Context, a store.Account, now time.Time) error {
	next, sent := now.Add(rand.N(digestSpread)), a.DigestSent
	if sent == 0 {
		next, sent = next.Add(max(attention.Frequency(s.cfg.Digest).Period(), digestSpread)), now.UnixMilli()
	}
	return s.store.MoveDigest(ctx, a.User, a.DigestDue, next.UnixMilli(), sent)
}

// look writes a digest to an account if there is one to write, and says when to look again. A
// process that ends before the letter is in the store has written none, and another writes the next
// one: of what is then new.
func (s *digests) look(ctx context.Context, a store.Account, now time.Time) error {
	again := now.Add(digestAgain).UnixMilli()
	if err := s.store.MoveDigest(ctx, a.User, a.DigestDue, again, a.DigestSent); err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, digestTimeout)
	defer cancel()
	d, next, err := s.digestOf(asking, a, now)
	if err != nil {
		s.metrics.digests.WithLabelValues("failed").Inc()
		return err
	}
	outcome, sent := "nothing", a.DigestSent
	if !d.empty() {
		outcome, sent = "written", now.UnixMilli()
	}
	if err := s.store.MoveDigest(ctx, a.User, again, next.UnixMilli(), sent); err != nil {
		return err
	}
	if !d.empty() {
		if err := s.letters.post(ctx, store.Letter{Kind: store.LetterDigest, User: a.User, Since: a.DigestSent}, digestLife); err != nil {
			return err
		}
	}
	s.metrics.digests.WithLabelValues(outcome).Inc()
	return nil
}

// digestOf returns what a digest to an account would tell now; an empty one: nothing. next is when
// to look again.
func (s *digests) digestOf(ctx context.Context, a store.Account, now time.Time) (d digest, next time.Time, err error) {
	next = now.Add(digestLook)
	u, may, err := s.receiver(ctx, a)
	if err != nil || !may {
		return d, next, err
	}
	choices, err := s.reach.choices(ctx, u.ID)
	if err != nil {
		return d, next, err
	}
	period := s.digestEvery(choices).Period()
	if period == 0 {
		return d, next, nil
	}
	earliest := time.UnixMilli(a.DigestSent).Add(period)
	if watch := earliest.Add(-s.cfg.DigestAfter); now.Before(watch) {
		return d, watch, nil
	}
	away, err := s.awaySince(ctx, u.ID, now)
	if err != nil {
		return d, next, err
	}
	if at := away.Add(s.cfg.DigestAfter); at.After(earliest) {
		earliest = at
	}
	if now.Before(earliest) {
		return d, now.Add(min(earliest.Sub(now), digestWatch, s.cfg.DigestAfter)), nil
	}
	if choices.Silent(now) {
		return d, next, nil
	}
	d, err = s.digestSince(ctx, u, choices, a.DigestSent)
	return d, next, err
}

// receiver returns whose account it is, and whether digests are written to it.
func (s *digests) receiver(ctx context.Context, a store.Account) (u store.User, may bool, err error) {
	if a.Mail == "" {
		return u, false, nil
	}
	u, err = s.store.User(ctx, a.User)
	if errors.Is(err, store.ErrNotFound) || err == nil && (u.Guest() || u.Deleted() || u.Disabled) {
		return u, false, nil
	} else if err != nil {
		return u, false, err
	}
	out, err := s.rights.banned(ctx, wholeServer, u.ID)
	return u, !out, err
}

// awaySince returns since when a user is away: now, if the user is using a device or is not to be
// disturbed. Whoever is connected and does not touch the device is away since the last look that
// has found otherwise.
func (s *digests) awaySince(ctx context.Context, user string, now time.Time) (time.Time, error) {
	here, err := presenceapi.NewClient(s.bus).Active(ctx, []string{user})
	if err != nil {
		return now, err
	}
	if len(here.Active) > 0 {
		return now, s.store.PutSeen(ctx, []store.Seen{{User: user, At: now.UnixMilli()}})
	}
	if len(here.DND) > 0 {
		return now, nil
	}
	seen, err := s.store.Seen(ctx, user)
	return time.UnixMilli(seen), unlessMissing(err)
}

// digestEvery returns how often somebody is written a digest at most.
func (s *digests) digestEvery(c attention.Choices) attention.Frequency {
	if c.Mail != "" {
		return c.Mail
	}
	return attention.Frequency(s.cfg.Digest)
}

// digestSince returns what waits for a user of what is newer than a time (UTC milliseconds): what a
// digest has told is not told again.
func (s *digests) digestSince(ctx context.Context, u store.User, choices attention.Choices, since int64) (d digest, err error) {
	since = max(since, time.Now().Add(-digestOldest).UnixMilli())
	d.name = u.Name
	var rooms []digestRoom
	var threads []chat.InboxThread
	for next := ""; ; {
		inbox, err := historyapi.NewClient(s.bus).Inbox(ctx, historyapi.InboxRequest{User: u.ID, Next: next, Mentioned: true})
		if err != nil {
			return d, err
		}
		for _, r := range inbox.Rooms {
			if wanted, at := wantedOf(r, choices); wanted > 0 && at > since {
				rooms = append(rooms, digestRoom{InboxRoom: r, direct: chat.IsDirect(r.Room), wanted: wanted, at: at})
			}
		}
		for _, t := range inbox.Threads {
			if t.Unread > 0 && t.TS > since && choices.In(t.Room) != attention.Nothing {
				threads = append(threads, t)
			}
		}
		if next = inbox.Next; next == "" {
			break
		}
	}
	slices.SortFunc(rooms, func(a, b digestRoom) int { return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(a.Room, b.Room)) })
	for _, r := range rooms {
		if d.full() {
			continue
		}
		if r.name, err = s.placeName(ctx, r.Room, u.ID); err != nil {
			return d, err
		}
		if r.name != "" {
			d.rooms = append(d.rooms, r)
		}
	}
	for _, t := range threads {
		if d.full() {
			continue
		}
		name, err := s.placeName(ctx, t.Room, u.ID)
		if err != nil {
			return d, err
		}
		if name != "" {
			d.threads = append(d.threads, digestThread{InboxThread: t, name: name})
		}
	}
	return d, nil
}

// placeName returns what a room is called for a user; empty: it is gone.
func (s *digests) placeName(ctx context.Context, room, user string) (string, error) {
	r, there, err := s.records.roomThere(ctx, room)
	if err != nil || !there {
		return "", err
	}
	if isTalk(r) {
		return s.groups.talkName(ctx, r, user)
	}
	return r.Name, nil
}

// wantedOf returns how many messages of a room a digest tells of, by what the person has chosen,
// and when the last of them was sent, in UTC milliseconds.
func wantedOf(r chat.InboxRoom, c attention.Choices) (n int, at int64) {
	switch level := c.In(r.Room); {
	case level == attention.Nothing || r.Last == nil:
		return 0, 0
	case chat.IsDirect(r.Room) || level == attention.Everything:
		return r.Unread, r.Last.TS
	default:
		return r.Mentions, r.Mentioned
	}
}

// digestLetter writes a digest that was queued, of what waits by now; none, if nothing does. The
// store has the letter no more when it is sent, so that no other process sends it, too: one that is
// lost says little that the next does not.
func (s *digests) digestLetter(ctx context.Context, l store.Letter) ([]mail.Letter, error) {
	a, err := s.store.Account(ctx, l.User)
	if err != nil {
		return nil, err
	}
	u, may, err := s.receiver(ctx, a)
	if err != nil || !may {
		return nil, err
	}
	choices, err := s.reach.choices(ctx, l.User)
	if err != nil || s.digestEvery(choices) == attention.Never {
		return nil, err
	}
	d, err := s.digestSince(ctx, u, choices, l.Since)
	if err != nil || d.empty() {
		return nil, err
	}
	stop, err := s.stopToken(a)
	if err != nil {
		return nil, err
	}
	err = s.store.RemoveHeldLetter(ctx, l.ID, s.letters.mailing.holder)
	if err != nil {
		return nil, unlessMissing(err) // another process sends it
	}
	d.page, d.stop, d.every, d.text = s.letters.mailing.page, s.letters.mailing.page+StopPath(stop), s.digestEvery(choices), s.cfg.DigestText
	return []mail.Letter{{
		To: a.Mail, Subject: d.subject(s.letters.mailing.host), Text: d.letter(), Until: time.UnixMilli(l.Expires),
		Unsubscribe: s.letters.mailing.page + "v1/digests/stop?token=" + stop,
	}}, nil
}
