package history

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"time"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

const (
	// purgeGrace is for how long after the request messages count that are sent, in milliseconds:
	// clocks differ.
	purgeGrace = 10_000
	// purgeBatch is how many messages, and how many rooms, one step of a job looks at.
	purgeBatch = 100
	// forgetBatch is how many entries one step removes from the log, and from the store.
	forgetBatch = 500
	// settle is how long after a job was made everything is gone through once more. By then every
	// process knows of the job, and sees to what it takes in itself.
	settle = 4 * refreshJobs
)

// purge answers historyapi.ServicePurge.
func (rm *removal) purge(ctx context.Context, req historyapi.PurgeRequest) (historyapi.PurgeReply, error) {
	var out historyapi.PurgeReply
	if !chat.ValidID(req.ID) || !chat.ValidID(req.User) || !chat.ValidID(req.Actor) ||
		req.Room != "" && (!chat.ValidID(req.Room) || chat.Reserved(req.Room)) {
		return out, chat.E(chat.CodeBadRequest, "a purge has an id, and the ids of a user, of the user who asks for it, and of a room or none")
	}
	return out, rm.begin(ctx, store.Job{
		ID: req.ID, Room: req.Room, User: req.User, After: req.After, Actor: req.Actor, Name: req.Name, Created: time.Now().UnixMilli(),
	})
}

// forget answers historyapi.ServiceForget.
func (rm *removal) forget(ctx context.Context, req historyapi.ForgetRequest) (historyapi.ForgetReply, error) {
	var out historyapi.ForgetReply
	if !chat.ValidID(req.Room) || chat.Reserved(req.Room) {
		return out, chat.E(chat.CodeBadRequest, "that is not a room")
	}
	return out, rm.begin(ctx, store.Job{ID: forgetID(req.Room), Room: req.Room, Created: time.Now().UnixMilli()})
}

// forgetID is the id of the job that forgets a room; no purge has it.
func forgetID(room string) string { return "room:" + room }

// begin keeps a job, and has it worked on soon.
func (rm *removal) begin(ctx context.Context, j store.Job) error {
	if err := rm.store.PutJob(ctx, j); err != nil {
		return err
	}
	rm.refresh(ctx) // and not j itself, which of a repeat says another time than what is kept
	select {
	case rm.jobs.wake <- struct{}{}:
	default:
	}
	return nil
}

// wants reports whether a job is about a message, which is read for that.
func wants(j store.Job, e store.Entry) (bool, error) {
	if j.User != e.Sender || j.Room != "" && j.Room != e.Room || e.Type != chat.TypeMsg {
		return false, nil
	}
	event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
	if err != nil {
		return false, fmt.Errorf("message %d of room %s: %w", e.Seq, e.Room, err)
	}
	return event.TS >= j.After && event.TS < j.Created+purgeGrace, nil
}

// purgeOne appends the deletion of a message, if the job is about it. Its ID follows from the job's
// and the message's, so that doing it again says nothing twice.
func (rm *removal) purgeOne(ctx context.Context, j store.Job, e store.Entry) error {
	if wanted, err := wants(j, e); err != nil || !wanted {
		return err
	}
	if gone, err := rm.records.deleted(ctx, message{e.Room, e.Name()}); err != nil || gone {
		return err
	}
	sum := sha256.Sum256([]byte(j.ID + "," + e.Sender + "," + e.ID))
	d := chat.Event{
		Type: chat.TypeDeleted, Room: e.Room, ID: "p-" + base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])[:26],
		User: j.Actor, Name: j.Name, TS: time.Now().UnixMilli(), Target: e.ID, Author: e.Sender,
	}
	data, err := chat.AppendEntry(nil, d)
	if err != nil {
		return err
	}
	if _, err := bus.Append(ctx, rm.bus, bus.NewEntry{Room: d.Room, Sender: d.User, ID: d.ID, Data: data}); err != nil {
		return fmt.Errorf("delete a message: %w", err)
	}
	rm.metrics.purged.Inc()
	return nil
}

// purgeSome goes on with a purge, and reports whether the rooms have been gone through.
func (rm *removal) purgeSome(ctx context.Context, j *store.Job) (bool, error) {
	handled := 0
	for range purgeBatch {
		if j.AtRoom == "" {
			room, err := rm.firstRoom(ctx, j)
			if err != nil || room == "" {
				return room == "", err
			}
			j.AtRoom = room
		}
		found, err := rm.store.MessagesOf(ctx, j.AtRoom, j.User, j.AtID, purgeBatch-handled)
		if err != nil {
			return false, err
		}
		for _, e := range found {
			if err := rm.purgeOne(ctx, *j, e); err != nil {
				return false, err
			}
			j.AtID = e.ID
		}
		if handled += len(found); handled >= purgeBatch {
			return false, nil
		}
		last := j.AtRoom
		if j.AtRoom, j.AtID = "", ""; j.Room != "" {
			return true, nil
		}
		if j.AtRoom, err = rm.store.NextRoom(ctx, last); err != nil {
			j.AtRoom = last
			return false, err
		}
		if j.AtRoom == "" {
			return true, nil
		}
	}
	return false, nil
}

func (rm *removal) firstRoom(ctx context.Context, j *store.Job) (string, error) {
	if j.Room != "" {
		return j.Room, nil
	}
	return rm.store.NextRoom(ctx, "")
}

// forgetSome goes on with forgetting a room, and reports whether nothing of it is left. The log
// comes first: what is taken in from it meanwhile is removed with the rest.
func (rm *removal) forgetSome(ctx context.Context, j *store.Job) (bool, error) {
	got, err := rm.bus.Replay(ctx, j.Room, bus.Position{}, forgetBatch)
	if err != nil {
		return false, fmt.Errorf("what is left of a room: %w", err)
	}
	for _, e := range got.Entries {
		if err := rm.bus.Remove(ctx, e.Room, e.Seq); err != nil {
			return false, fmt.Errorf("remove from the log: %w", err)
		}
	}
	removed, err := rm.store.RemoveEntries(ctx, j.Room, forgetBatch)
	if err != nil || removed > 0 || len(got.Entries) > 0 {
		return false, err
	}
	if err := rm.store.RemoveThreads(ctx, j.Room); err != nil {
		return false, err
	}
	if err := rm.store.RemoveFollows(ctx, j.Room); err != nil {
		return false, err
	}
	if err := rm.store.RemoveMentions(ctx, j.Room); err != nil {
		return false, err
	}
	if err := rm.store.RemoveSavedIn(ctx, j.Room); err != nil {
		return false, err
	}
	return true, rm.store.RemoveReads(ctx, j.Room)
}

// taken sees to the entries that were just stored and that a job is about: they were in the log
// only when it began.
func (rm *removal) taken(ctx context.Context, entries []store.Entry) error {
	for _, e := range entries {
		for _, j := range rm.jobs.about(e) {
			if err := rm.purgeOne(ctx, j, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// kept returns the entries of a batch without those of rooms that are forgotten, which are taken
// off the log: somebody wrote there who did not know yet.
func (rm *removal) kept(ctx context.Context, entries []store.Entry) ([]store.Entry, error) {
	if !slices.ContainsFunc(entries, func(e store.Entry) bool { return rm.jobs.forgotten(e.Room) }) {
		return entries, nil
	}
	var kept []store.Entry
	for _, e := range entries {
		if !rm.jobs.forgotten(e.Room) {
			kept = append(kept, e)
			continue
		}
		if err := rm.bus.Remove(ctx, e.Room, e.Seq); err != nil {
			return nil, fmt.Errorf("remove an entry of a room that was deleted from the log: %w", err)
		}
	}
	return kept, nil
}
