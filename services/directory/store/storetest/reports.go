package storetest

import (
	"testing"

	"hubbub.internal/services/directory/store"
)

func testReports(t *testing.T, s store.Store) {
	ctx := t.Context()
	a := store.Report{
		ID: "p1", Room: "r1", Author: "ub", AuthorName: "Bob", Message: "m1", Text: "buy this", Sent: 4, Reporter: "ua", ReporterName: "Ann", Reason: "spam",
		Words: "again", Created: 5, State: store.ReportOpen,
	}
	b := store.Report{ID: "p2", Room: "r2", Author: "ub", Message: "m1", Reporter: "ua", State: store.ReportOpen}
	c := store.Report{ID: "p3", Room: "r1", Author: "ub", Message: "m1", Reporter: "uc", State: store.ReportOpen}
	for _, r := range []store.Report{c, a, b} {
		must(t, s.PutReport(ctx, r))
	}
	again := a
	again.ID = "p4"
	want(t, store.ErrConflict, s.PutReport(ctx, again))
	got, err := s.Report(ctx, "p1")
	same(t, a, got, err)
	_, err = s.Report(ctx, "p4")
	want(t, store.ErrNotFound, err)
	all, err := s.Reports(ctx, store.ReportQuery{Room: "r1", Limit: 10})
	same(t, []store.Report{a, c}, all, err)
	all, err = s.Reports(ctx, store.ReportQuery{Room: "r1", After: "p1", Limit: 10})
	same(t, []store.Report{c}, all, err)
	all, err = s.Reports(ctx, store.ReportQuery{Limit: 2})
	same(t, []store.Report{a, b}, all, err)
	all, err = s.Reports(ctx, store.ReportQuery{Newest: true, Limit: 2})
	same(t, []store.Report{c, b}, all, err)
	all, err = s.Reports(ctx, store.ReportQuery{Newest: true, After: "p2", Limit: 2})
	same(t, []store.Report{a}, all, err)
	all, err = s.ReportsBy(ctx, "ua", 10)
	same(t, []store.Report{a, b}, all, err)

	a.State, a.Taker, a.TakerName = store.ReportTaken, "um", "Mod"
	must(t, s.MoveReport(ctx, a, []string{store.ReportOpen}))
	want(t, store.ErrNotFound, s.MoveReport(ctx, a, []string{store.ReportOpen}))
	a.State, a.Outcome, a.Note, a.Resolved = store.ReportResolved, "delete", "spam", 100
	must(t, s.MoveReport(ctx, a, []string{store.ReportOpen, store.ReportTaken}))
	got, err = s.Report(ctx, "p1")
	same(t, a, got, err)
	all, err = s.Reports(ctx, store.ReportQuery{Resolved: true, Limit: 10})
	same(t, []store.Report{a}, all, err)
	all, err = s.ReportsBy(ctx, "ua", 10)
	same(t, []store.Report{b}, all, err)
	must(t, s.DeleteReport(ctx, "none"))
	must(t, s.DeleteReport(ctx, "p2"))
	_, err = s.Report(ctx, "p2")
	want(t, store.ErrNotFound, err)
	must(t, s.PutReport(ctx, b)) // it may be made again
	must(t, s.DeleteReportsBefore(ctx, 99))
	all, err = s.Reports(ctx, store.ReportQuery{Resolved: true, Limit: 10})
	same(t, []store.Report{a}, all, err)
	must(t, s.DeleteReportsBefore(ctx, 100))
	all, err = s.Reports(ctx, store.ReportQuery{Resolved: true, Limit: 10})
	same(t, 0, len(all), err)
	all, err = s.Reports(ctx, store.ReportQuery{Limit: 10})
	same(t, []store.Report{b, c}, all, err)
}
