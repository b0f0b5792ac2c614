package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/auth"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/directory/store"
)

type invitationLinkView struct {
	ID      string `json:"id"`
	Link    string `json:"link,omitempty" doc:"What the invited is given, as ?invite= of the page; told once, to whoever makes it."`
	By      string `json:"by,omitempty" doc:"Id of the user who invites."`
	ByName  string `json:"by_name"`
	Note    string `json:"note,omitempty"`
	Uses    int64  `json:"uses" doc:"How many may register with it."`
	Used    int64  `json:"used" doc:"How many have."`
	Created int64  `json:"created" doc:"UTC milliseconds."`
	Expires int64  `json:"expires" doc:"UTC milliseconds."`
	Revoked bool   `json:"revoked,omitempty"`
}

func viewOfInvitationLink(i store.InvitationLink) invitationLinkView {
	return invitationLinkView{
		ID: i.ID, By: i.Actor, ByName: i.ActorName, Note: i.Note, Uses: i.Uses, Used: i.Used, Created: i.Created, Expires: i.Expires, Revoked: i.Revoked,
	}
}

// invitationLinks makes, redeems and revokes the links with which people register.
type invitationLinks struct {
	*core
	records      *records
	serverRecord *serverRecord
	rights       *rights
	auditLog     *auditLog
	quotas       *quotas
}

// makeLink makes a link with which so many people may register; a life of 0 is invitationLinkLife.
func (s *invitationLinks) makeLink(ctx context.Context, by auth.Claims, uses int64, life time.Duration, note string) (v invitationLinkView, err error) {
	if life == 0 {
		life = invitationLinkLife
	}
	if uses < 1 || uses > maxInvitationLinkUses || life < time.Minute || life > maxInvitationLinkLife {
		return v, chat.E(chat.CodeBadRequest, fmt.Sprintf("an invitation is for 1 to %d people, and good for a minute to a year", maxInvitationLinkUses))
	}
	if note, err = checkText("note", note, 0, maxInvitationLinkNote); err != nil {
		return v, err
	}
	now := time.Now()
	if err := s.checkCount(ctx, 1); err != nil {
		return v, err
	}
	secret, hash := newLinkSecret()
	i := store.InvitationLink{
		ID: chat.NewID(), Hash: hash, Actor: by.User, ActorName: by.Name, Note: note, Uses: uses, Created: now.UnixMilli(), Expires: now.Add(life).UnixMilli(),
	}
	act := store.Act{Action: actInvitationLink, Detail: fmt.Sprintf("%s, %d uses, for %s", i.ID, uses, life)}
	err = s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		if err := s.store.CreateInvitationLink(ctx, i); err != nil {
			return err
		}
		return s.quotas.keepQuota(ctx, s.checkCount(ctx, 0), func(ctx context.Context) error { return s.store.DeleteInvitationLink(ctx, i.ID) })
	})
	v = viewOfInvitationLink(i)
	v.Link = i.ID + "." + secret
	return v, err
}

// checkCount returns an error unless there may be so many more links.
func (s *invitationLinks) checkCount(ctx context.Context, more int) error {
	all, err := s.store.InvitationLinks(ctx, "", maxInvitationLinks+1)
	if err == nil && len(all)+more > maxInvitationLinks {
		err = chat.E(chat.CodeTooMany, "there are too many invitations: wait until some have been over for a month")
	}
	return err
}

type invitationLinksOutput struct {
	Invitations []invitationLinkView `json:"invitations" doc:"Newest first."`
	Next        string               `json:"next,omitempty" doc:"As before, it asks for older ones; left out: there are none."`
}

// list returns a page of the links, newest first.
func (s *invitationLinks) list(ctx context.Context, before string) (out invitationLinksOutput, err error) {
	out.Invitations = []invitationLinkView{}
	all, err := s.store.InvitationLinks(ctx, before, pageInvitationLinks+1)
	all, more := page(all, pageInvitationLinks)
	if more {
		out.Next = all[pageInvitationLinks-1].ID
	}
	for _, i := range all {
		out.Invitations = append(out.Invitations, viewOfInvitationLink(i))
	}
	if err != nil {
		return out, err
	}
	names := make([]named, len(out.Invitations))
	for i := range names {
		names[i] = named{out.Invitations[i].By, &out.Invitations[i].ByName}
	}
	return out, s.records.unname(ctx, names)
}

// revoke ends a link: nobody can register with it any more.
func (s *invitationLinks) revoke(ctx context.Context, id string) error {
	if !chat.ValidID(id) {
		return errInvitationLinkWrong
	}
	i, err := s.store.InvitationLink(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return chat.E(chat.CodeNotFound, "there is no such invitation")
	} else if err != nil || i.Revoked {
		return err
	}
	act := store.Act{Action: actInvitationLinkRevoke, Subject: i.Actor, SubjectName: i.ActorName, Detail: i.ID}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error { return s.store.RevokeInvitationLink(ctx, id) })
}

// valid returns what the store has of a link, and an error for one that nobody can register with.
func (s *invitationLinks) valid(ctx context.Context, link string) (i store.InvitationLink, err error) {
	id, secret, _ := strings.Cut(link, ".")
	if !chat.ValidID(id) {
		return i, errInvitationLinkWrong
	}
	i, err = s.store.InvitationLink(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return i, errInvitationLinkWrong
	case err != nil:
		return i, err
	case !sameHash(i.Hash, hashOfLink(secret)):
		return i, errInvitationLinkWrong
	case i.Revoked:
		return i, errInvitationLinkRevoked
	case i.Expires <= time.Now().UnixMilli():
		return i, errInvitationLinkEnded
	case i.Used >= i.Uses:
		return i, errInvitationLinkUsed
	}
	return i, nil
}

// admit takes one use of the link that somebody registers with, if registration needs one: give
// returns that use. how says for the audit log what let them in.
func (s *invitationLinks) admit(ctx context.Context, link string) (how string, give func(context.Context) error, err error) {
	give = func(context.Context) error { return nil }
	r, err := s.store.Server(ctx)
	if err != nil {
		return "", give, err
	}
	switch mode := s.serverRecord.admission(r).Registration; {
	case mode == registrationOpen:
		return "", give, nil
	case mode == registrationClosed:
		return "", give, errRegistrationClosed
	case link == "":
		return "", give, errInvitationLinkNeeded
	}
	i, err := s.valid(ctx, link)
	if err == nil {
		err = s.store.UseInvitationLink(ctx, i.ID, time.Now().UnixMilli())
		if errors.Is(err, store.ErrNotFound) {
			if _, err = s.valid(ctx, link); err == nil { // in this moment
				err = errInvitationLinkUsed
			}
		}
	}
	if chat.CodeOf(err) == chat.CodeForbidden {
		s.log.Info("somebody used an invalid invitation link", zap.String("invitation", i.ID), zap.String("address", peerOf(ctx)), zap.Error(err))
	}
	if err != nil {
		return "", give, err
	}
	return fmt.Sprintf("by invitation %s of %s", i.ID, i.ActorName), func(ctx context.Context) error { return s.store.ReturnInvitationLink(ctx, i.ID) }, nil
}

// removeOld removes links that ended more than invitationLinksKept ago.
func (s *invitationLinks) removeOld(ctx context.Context) error {
	return s.store.DeleteInvitationLinksBefore(ctx, time.Now().Add(-invitationLinksKept).UnixMilli())
}

// mayAdmit returns an error unless a user may say who comes in.
func (s *invitationLinks) mayAdmit(ctx context.Context, user string) error {
	_, err := s.rights.permittedOnServer(ctx, directoryapi.ActionAdmit, user)
	return err
}
