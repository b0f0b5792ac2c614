package directory

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/mail"
	"hubbub.internal/services/directory/store"
)

// A letter is in the store from before it is queued until it was sent or has no use any more, so it
// outlasts the process that sends it. A process holds its letters by renewing its claim; another
// process takes letters whose claim has expired. The store has no links: they are made when a
// letter is written, which voids those of an earlier try.

const (
	// heldFor is how long a claim on letters lasts without being renewed.
	heldFor = 12 * housekeepingEvery
	// takenAtOnce is how many letters are taken at a time.
	takenAtOnce = 100
	// lettersTimeout bounds the changes to the store after a letter, and at the end.
	lettersTimeout = 5 * time.Second
)

// letters writes letters and delivers them, also those that other processes left.
type letters struct {
	*core
	tickets  *tickets
	auditLog *auditLog

	mailing *mailing // nil: the server sends no mail
	// digest writes a letter of LetterDigest; digests, which use this part, set it.
	digest func(ctx context.Context, l store.Letter) ([]mail.Letter, error)
}

// post stores a letter and queues it. It needs nothing else of the store.
func (s *letters) post(ctx context.Context, l store.Letter, life time.Duration) error {
	now := time.Now()
	l.ID, l.Expires = chat.NewID(), now.Add(life).UnixMilli()
	l.Holder, l.Until = s.mailing.holder, now.Add(heldFor).UnixMilli()
	if err := s.store.PutLetter(ctx, l); err != nil {
		return err
	}
	if s.mailing.queue.Add(s.jobOf(l)) {
		return nil
	}
	return errors.Join(errMailBusy, s.store.DeleteLetter(ctx, l.ID))
}

// jobOf returns what there is to do for a letter.
func (s *letters) jobOf(l store.Letter) mail.Job {
	return mail.Job{
		Until: time.UnixMilli(l.Expires),
		Write: func(ctx context.Context) ([]mail.Letter, error) {
			switch l.Kind {
			case store.LetterForgot:
				return s.forgotLetters(ctx, l.Key, l.ByMail, l.Address)
			case store.LetterConfirm:
				return s.confirmLetter(ctx, l)
			case store.LetterNotice:
				return s.notice(ctx, l)
			case store.LetterDigest:
				return s.digest(ctx, l)
			}
			s.log.Error("dropped a letter of an unknown kind", zap.String("kind", l.Kind))
			return nil, nil
		},
		Over: func() {
			ctx, cancel := context.WithTimeout(context.Background(), lettersTimeout)
			defer cancel()
			if err := s.store.DeleteLetter(ctx, l.ID); err != nil {
				s.log.Warn("could not delete a letter that is done with, so it may be sent again", zap.Error(err))
			}
		},
	}
}

// deliver sends letters until ctx ends, and then gives up the claim on those that wait.
func (s *letters) deliver(ctx context.Context) {
	_ = s.mailing.queue.Run(ctx) // which never fails
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), lettersTimeout)
	defer cancel()
	if err := s.store.KeepLetters(end, s.mailing.holder, 0); err != nil {
		s.log.Warn("could not read the letters that wait; sending them later", zap.Error(err), zap.Duration("after", heldFor))
	}
}

// claimLetters renews the claims of this process, and takes letters that no process holds.
func (s *letters) claimLetters(ctx context.Context) error {
	now := time.Now()
	if err := s.store.DeleteLettersBefore(ctx, now.UnixMilli()); err != nil || s.mailing == nil {
		return err
	}
	until := now.Add(heldFor).UnixMilli()
	if err := s.store.KeepLetters(ctx, s.mailing.holder, until); err != nil {
		return err
	}
	free, err := s.store.FreeLetters(ctx, now.UnixMilli(), takenAtOnce)
	if err != nil {
		return err
	}
	for _, l := range free {
		err := s.store.HoldLetter(ctx, l.ID, s.mailing.holder, now.UnixMilli(), until)
		if errors.Is(err, store.ErrNotFound) {
			continue // another was first
		}
		if err != nil {
			return err
		}
		if !s.mailing.queue.Add(s.jobOf(l)) {
			return s.store.HoldLetter(ctx, l.ID, s.mailing.holder, until, 0)
		}
	}
	return nil
}
