package directory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/emoji"
	"hubbub.internal/services/directory/store"
)

// Actions of the audit log.
const (
	actEmojiAdd    = "emoji.add"
	actEmojiRemove = "emoji.remove"
)

// maxEmoji is how many emoji of its own a server has at most, so that one answer lists them all.
const maxEmoji = 500

// customEmoji keeps the emoji of the server's own.
type customEmoji struct {
	*core
	records  *records
	rights   *rights
	auditLog *auditLog
	quotas   *quotas
}

// emojiView is an emoji of the server's own as users see it.
type emojiView struct {
	Name    string `json:"name" doc:"It is written between colons."`
	Image   string `json:"image" doc:"Path of the image, below the address of the server. Another image has another path."`
	By      string `json:"by" doc:"Id of the user who added it."`
	ByName  string `json:"by_name,omitempty" doc:"That user's name, as it is now; left out: nobody has it."`
	Created int64  `json:"created" doc:"UTC milliseconds."`
}

func viewOfEmoji(e store.Emoji) emojiView {
	return emojiView{Name: e.Name, Image: emojiImages + e.Hash, By: e.Actor, Created: e.Created}
}

// all returns all of them, by name.
func (s *customEmoji) all(ctx context.Context) ([]emojiView, error) {
	all, err := s.store.Emoji(ctx, maxEmoji)
	if err != nil {
		return nil, err
	}
	names, views := s.records.namer(), make([]emojiView, len(all))
	for i, e := range all {
		views[i] = viewOfEmoji(e)
		if views[i].ByName, err = names(ctx, e.Actor); err != nil {
			return nil, err
		}
	}
	return views, nil
}

// put adds an emoji, or gives the one that has the name another image.
func (s *customEmoji) put(ctx context.Context, by auth.Claims, name string, image []byte) (v emojiView, err error) {
	kind, err := checkEmojiImage(image)
	if err != nil {
		return v, err
	}
	have, err := s.store.Emoji(ctx, maxEmoji+1)
	if err != nil {
		return v, err
	}
	known := slices.ContainsFunc(have, func(e store.Emoji) bool { return e.Name == name })
	if len(have) >= maxEmoji && !known {
		return v, errTooManyEmoji
	}
	sum := sha256.Sum256(image)
	e := store.Emoji{Name: name, Type: kind, Hash: hex.EncodeToString(sum[:]), Image: image, Actor: by.User, Created: time.Now().UnixMilli()}
	v = viewOfEmoji(e)
	v.ByName = by.Name
	err = s.auditLog.audit(ctx, store.Act{Action: actEmojiAdd, Detail: fmt.Sprintf(":%s: %s", name, e.Hash)}, func(ctx context.Context) error {
		if err := s.store.PutEmoji(ctx, e); err != nil || known {
			return err
		}
		// others may have added some in the meantime
		return s.quotas.keepQuota(ctx, s.checkCount(ctx), func(ctx context.Context) error { return s.store.DeleteEmoji(ctx, name) })
	})
	if err == nil {
		s.log.Info("an operator added an emoji", zap.String("emoji", name), zap.String("sha256", e.Hash), zap.String("by", by.Name))
	}
	return v, err
}

var errTooManyEmoji = chat.E(chat.CodeTooMany, fmt.Sprintf("the server has %d emoji of its own, which is as many as it can have: remove one first", maxEmoji))

// checkCount returns an error if there are too many.
func (s *customEmoji) checkCount(ctx context.Context) error {
	all, err := s.store.Emoji(ctx, maxEmoji+1)
	if err == nil && len(all) > maxEmoji {
		err = errTooManyEmoji
	}
	return err
}

// remove removes an emoji. What has been written with it stays, as the text that it is.
func (s *customEmoji) remove(ctx context.Context, name string) error {
	have, err := s.store.Emoji(ctx, maxEmoji+1)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(have, func(e store.Emoji) bool { return e.Name == name })
	if at < 0 {
		return errNoEmoji
	}
	act := store.Act{Action: actEmojiRemove, Subject: have[at].Actor, Detail: fmt.Sprintf(":%s: %s", name, have[at].Hash)}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		err := s.store.DeleteEmoji(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return errNoEmoji
		}
		return err
	})
}

var errNoEmoji = chat.E(chat.CodeNotFound, "the server has no emoji with that name")

// image returns the image with a hash.
func (s *customEmoji) image(ctx context.Context, hash string) (store.Emoji, error) {
	e, err := s.store.EmojiByHash(ctx, hash)
	if errors.Is(err, store.ErrNotFound) {
		err = chat.E(chat.CodeNotFound, "there is no such image")
	}
	return e, err
}

// mayChange returns an error unless a user may add and remove emoji, and one can have the name.
func (s *customEmoji) mayChange(ctx context.Context, user, name string) error {
	if !emoji.IsName(name) {
		return chat.E(chat.CodeBadRequest, fmt.Sprintf(`an emoji's name has %d to %d of the characters a to z, 0 to 9, "_", "+" and "-"`, emoji.MinName, emoji.MaxName))
	}
	_, err := s.rights.permittedOnServer(ctx, directoryapi.ActionChangeEmoji, user)
	return err
}
