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

type invitationView struct {
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

func viewOfInvitation(i store.Invitation) invitationView {
	return invitationView{
		ID: i.ID, By: i.Actor, ByName: i.ActorName, Note: i.Note, Uses: i.Uses, Used: i.Used, Created: i.Created, Expires: i.Expires, Revoked: i.Revoked,
	}
}

// invitations makes, redeems and revokes invitations to register.
type invitations struct {
	*core
	records      *records
	serverRecord *serverRecord
	rights       *rights
	auditLog     *auditLog
	quotas       *quotas
}

// invitePeople makes a link with which so many people may register; a time of 0 is invitationLife.
func (s *invitations) invitePeople(ctx context.Context, by auth.Claims, uses int64, life time.Duration, note string) (v invitationView, err error) {
	if life == 0 {
		life = invitationLife
	}
	if uses < 1 || uses > maxInvitationUses || life < time.Minute || life > maxInvitationLife {
		return v, chat.E(chat.CodeBadRequest, fmt.Sprintf("an invitation is for 1 to %d people, and good for a minute to a year", maxInvitationUses))
	}
	if note, err = checkText("note", note, 0, maxInvitationNote); err != nil {
		return v, err
	}
	now := time.Now()
	if err := s.checkInvitations(ctx, 1); err != nil {
		return v, err
	}
	secret, hash := newLinkSecret()
	i := store.Invitation{
		ID: chat.NewID(), Hash: hash, Actor: by.User, ActorName: by.Name, Note: note, Uses: uses, Created: now.UnixMilli(), Expires: now.Add(life).UnixMilli(),
	}
	act := store.Act{Action: actInvite, Detail: fmt.Sprintf("%s, %d uses, for %s", i.ID, uses, life)}
	err = s.auditLog.audit(ctx, act, func(ctx context.Context) error {
		if err := s.store.CreateInvitation(ctx, i); err != nil {
			return err
		}
		return s.quotas.keepQuota(ctx, s.checkInvitations(ctx, 0), func(ctx context.Context) error { return s.store.DeleteInvitation(ctx, i.ID) })
	})
	v = viewOfInvitation(i)
	v.Link = i.ID + "." + secret
	return v, err
}

// checkInvitations returns an error unless there may be so many more invitations.
func (s *invitations) checkInvitations(ctx context.Context, more int) error {
	all, err := s.store.Invitations(ctx, "", maxInvitations+1)
	if err == nil && len(all)+more > maxInvitations {
		err = chat.E(chat.CodeTooMany, "there are too many invitations: wait until some have been over for a month")
	}
	return err
}

type invitationsOutput struct {
	Invitations []invitationView `json:"invitations" doc:"Newest first."`
	Next        string           `json:"next,omitempty" doc:"As before, it asks for older ones; left out: there are none."`
}

func (s *invitations) invitations(ctx context.Context, before string) (out invitationsOutput, err error) {
	out.Invitations = []invitationView{}
	all, err := s.store.Invitations(ctx, before, pageInvitations+1)
	all, more := page(all, pageInvitations)
	if more {
		out.Next = all[pageInvitations-1].ID
	}
	for _, i := range all {
		out.Invitations = append(out.Invitations, viewOfInvitation(i))
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

// revokeInvitation has nobody more register with an invitation.
func (s *invitations) revokeInvitation(ctx context.Context, id string) error {
	if !chat.ValidID(id) {
		return errInvitationWrong
	}
	i, err := s.store.Invitation(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return chat.E(chat.CodeNotFound, "there is no such invitation")
	} else if err != nil || i.Revoked {
		return err
	}
	act := store.Act{Action: actInviteRevoke, Subject: i.Actor, SubjectName: i.ActorName, Detail: i.ID}
	return s.auditLog.audit(ctx, act, func(ctx context.Context) error { return s.store.RevokeInvitation(ctx, id) })
}

// invited returns the invitation that a link is of, and an error for one that nobody can register
// with.
func (s *invitations) invited(ctx context.Context, link string) (i store.Invitation, err error) {
	id, secret, _ := strings.Cut(link, ".")
	if !chat.ValidID(id) {
		return i, errInvitationWrong
	}
	i, err = s.store.Invitation(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return i, errInvitationWrong
	case err != nil:
		return i, err
	case !sameHash(i.Hash, hashOfLink(secret)):
		return i, errInvitationWrong
	case i.Revoked:
		return i, errInvitationRevoked
	case i.Expires <= time.Now().UnixMilli():
		return i, errInvitationEnded
	case i.Used >= i.Uses:
		return i, errInvitationUsed
	}
	return i, nil
}

// admit takes a use of the invitation that somebody registers with, if one is needed: give gives it
// back. how says for the audit log what let them in.
func (s *invitations) admit(ctx context.Context, link string) (how string, give func(context.Context) error, err error) {
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
		return "", give, errInvitationNeeded
	}
	i, err := s.invited(ctx, link)
	if err == nil {
		err = s.store.UseInvitation(ctx, i.ID, time.Now().UnixMilli())
		if errors.Is(err, store.ErrNotFound) {
			if _, err = s.invited(ctx, link); err == nil { // in this moment
				err = errInvitationUsed
			}
		}
	}
	if chat.CodeOf(err) == chat.CodeForbidden {
		s.log.Info("somebody used an invalid invitation link", zap.String("invitation", i.ID), zap.String("address", peerOf(ctx)), zap.Error(err))
	}
	if err != nil {
		return "", give, err
	}
	return fmt.Sprintf("by invitation %s of %s", i.ID, i.ActorName), func(ctx context.Context) error { return s.store.ReturnInvitation(ctx, i.ID) }, nil
}

// removeOldInvitations removes those that have been over for long.
func (s *invitations) removeOldInvitations(ctx context.Context) error {
	return s.store.DeleteInvitationsBefore(ctx, time.Now().Add(-invitationsKept).UnixMilli())
}

// mayAdmit returns an error unless a user may say who comes in.
func (s *invitations) mayAdmit(ctx context.Context, user string) error {
	_, err := s.rights.permittedOnServer(ctx, directoryapi.ActionAdmit, user)
	return err
}
