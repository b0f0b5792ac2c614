package storetest

import (
	"fmt"
	"slices"
	"testing"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// The ids of the sample's room of the kind that stores of version 0 lack, and of who is in it.
const (
	plaza    = "01890a5d-ac96-774b-bcce-b302099a8057"
	plazaAnn = "01890a5d-ac96-774b-bcce-b302099a8001"
	plazaBob = "01890a5d-ac96-774b-bcce-b302099a8002"
)

// plazaEntries are entries of a room as the log has them: with ids of users and messages as the
// page makes them, and what was done to some messages again and again. All are as they were when
// they were appended.
func plazaEntries(t *testing.T) (all []store.Entry) {
	t.Helper()
	add := func(e chat.Event) {
		e.Room, e.TS = plaza, 1_700_000_000_000+int64(len(all))
		data, err := chat.AppendEntry(nil, e)
		must(t, err)
		entry := store.Entry{Room: plaza, Seq: uint64(len(all)+1) << 20, Sender: e.User, ID: e.ID, Type: e.Type, Target: e.Target, Author: e.Author, Data: data}
		entry.Slot, entry.Past = store.SlotOf(entry)
		all = append(all, entry)
	}
	id := func(i int) string { return fmt.Sprintf("01890a5e-ac96-774b-bcce-b302099a8%03d", i) }
	for i := range 10 {
		add(chat.Event{Type: chat.TypeMsg, ID: id(i), User: []string{plazaAnn, plazaBob}[i%2], Name: "Ann \"Äé<&\"", Text: "text " + fmt.Sprint(i) + " \u2028 é < 世界"})
	}
	for i, on := range []bool{true, false, true} {
		add(chat.Event{Type: chat.TypeReacted, ID: id(20 + i), User: plazaBob, Target: id(0), Author: plazaAnn, Emoji: "👍", On: on})
		add(chat.Event{Type: chat.TypeReacted, ID: id(30 + i), User: plazaAnn, Target: id(0), Author: plazaAnn, Emoji: "👍", On: !on})
		add(chat.Event{Type: chat.TypeEdited, ID: id(40 + i), User: plazaAnn, Target: id(2), Author: plazaAnn, Text: "edit " + fmt.Sprint(i)})
	}
	add(chat.Event{Type: chat.TypePinned, ID: id(50), User: plazaBob, Target: id(2), Author: plazaAnn, On: true})
	add(chat.Event{Type: chat.TypeDeleted, ID: "p-by-a-moderator", User: "mod", Target: id(4), Author: plazaAnn})
	add(chat.Event{Type: chat.TypeModerated, ID: id(60), User: "mod", Act: chat.ActMute, Member: plazaBob, Until: 1_800_000_000_000, Text: "spam"})
	add(chat.Event{Type: chat.TypeTopic, ID: id(61), User: "mod", Name: "Plaza", Text: "All"})
	add(chat.Event{Type: chat.TypeMsg, ID: "an id of a bot's own", User: plazaBob, Text: "last", ReplyTo: id(0), ReplyAuthor: plazaAnn})
	return all
}

// sampleJobs are a purge that has got to some place, and one that is done.
var sampleJobs = []store.Job{
	{ID: "j1", Room: "other", User: "ann", After: 3, Actor: "bob", Name: "Bob", Created: 1_700_000_000_100, Pass: 1, AtRoom: "other", AtID: "o3"},
	{ID: "j2", Room: "gone", Created: 1_700_000_000_101, Pass: 2, Done: 1_700_000_000_102},
}

// fillLater puts what version 0 lacks into a store.
func fillLater(t *testing.T, s store.Store) {
	t.Helper()
	for part := range slices.Chunk(plazaEntries(t), 7) {
		add(t, s, part...)
	}
	for _, j := range sampleJobs {
		must(t, s.PutJob(t.Context(), j))
	}
	_, err := s.PutRead(t.Context(), plaza, plazaBob, 3<<20)
	must(t, err)
}

// verifyLater holds that a store has what fillLater has put into it.
func verifyLater(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	all := plazaEntries(t)
	past := func(i int) { all[i].Past = true }
	for _, i := range []int{10, 13, 11, 14, 12, 15} { // of each slot all but the last
		past(i)
	}
	got, err := s.Since(ctx, plaza, 0, 100)
	same(t, all, got, err)
	got, err = s.Newest(ctx, plaza, 1<<40, 4)
	same(t, append(slices.Clone(all[7:10]), all[23]), got, err)
	got, err = s.Oldest(ctx, plaza, 2<<20, 3)
	same(t, all[2:5], got, err)
	var names []store.Name
	for _, e := range all[:10] {
		names = append(names, e.Name())
	}
	got, err = s.Messages(ctx, plaza, names)
	same(t, all[:10], got, err)
	counts := slices.DeleteFunc(slices.Clone(all[10:21]), func(e store.Entry) bool { return e.Past })
	got, err = s.About(ctx, plaza, names, 0)
	same(t, counts, got, err)
	got, err = s.Acts(ctx, plaza, 0, 1<<40, 10)
	same(t, all[21:22], got, err)
	changes, edits, err := s.Changes(ctx, plaza, all[2].Name(), 100)
	same(t, [2]int{4, 3}, [2]int{changes, edits}, err)
	got, err = s.MessagesBy(ctx, plazaBob, plaza, 3<<20, 2)
	same(t, []store.Entry{all[3], all[5]}, got, err)
	for _, want := range []store.Entry{all[0], all[18], all[20], all[22], all[23]} {
		got, ok, err := s.Find(ctx, plaza, want.Sender, want.ID)
		if same(t, want, got, err); !ok {
			t.Errorf("%s is not there", want.ID)
		}
	}
	open, err := s.OpenJobs(ctx, 10)
	must(t, err)
	if len(open) != 1 || open[0].ID != "j1" || open[0].User != "ann" || open[0].Created != sampleJobs[0].Created || open[0].After != 3 {
		t.Errorf("open jobs are %+v", open)
	}
	jobs, err := s.JobsSince(ctx, sampleJobs[1].Created)
	same(t, sampleJobs[1:], jobs, err)
	reads, err := s.Reads(ctx, plazaBob)
	same(t, map[string]uint64{plaza: 3 << 20}, reads, err)
	// An edited message of before gets versions as any other.
	said := []store.Entry{all[18], all[15], all[12], all[2]}
	must(t, s.KeepOriginal(ctx, plaza, all[2].Name(), func(e store.Entry) ([]byte, error) { return chat.WithText(e.Data, "") }))
	versions, err := s.Versions(ctx, plaza, all[2].Name(), 1<<40, 10)
	same(t, said, versions, err)
}
