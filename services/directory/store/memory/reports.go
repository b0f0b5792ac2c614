package memory

import (
	"cmp"
	"context"
	"slices"

	"hubbub.internal/services/directory/store"
)

func reportsByID(a, b store.Report) int { return cmp.Compare(a.ID, b.ID) }

// reports is a store.Reports.
type reports struct{ *records }

// PutReport implements store.Reports.
func (s reports) PutReport(ctx context.Context, r store.Report) error {
	return s.do(ctx, "PutReport", func() error {
		for _, other := range s.reports {
			if other.ID == r.ID || other.Reporter == r.Reporter && other.Room == r.Room && other.Author == r.Author && other.Message == r.Message {
				return store.ErrConflict
			}
		}
		s.reports[r.ID] = r
		return nil
	})
}

// Report implements store.Reports.
func (s reports) Report(ctx context.Context, id string) (store.Report, error) {
	return one(ctx, s.records, "Report", s.reports, id)
}

// MoveReport implements store.Reports.
func (s reports) MoveReport(ctx context.Context, r store.Report, from []string) error {
	return update(ctx, s.records, "MoveReport", s.reports, r.ID, func(old *store.Report) bool {
		if !slices.Contains(from, old.State) {
			return false
		}
		old.State, old.Taker, old.TakerName, old.Outcome, old.Note, old.Resolved = r.State, r.Taker, r.TakerName, r.Outcome, r.Note, r.Resolved
		return true
	})
}

// Reports implements store.Reports.
func (s reports) Reports(ctx context.Context, q store.ReportQuery) ([]store.Report, error) {
	order, after := reportsByID, func(r store.Report) bool { return r.ID > q.After }
	if q.Newest {
		order = func(a, b store.Report) int { return reportsByID(b, a) }
		after = func(r store.Report) bool { return q.After == "" || r.ID < q.After }
	}
	return list(ctx, s.records, "Reports", s.reports, q.Limit, order, func(r store.Report) bool {
		return (q.Room == "" || r.Room == q.Room) && (r.Resolved > 0) == q.Resolved && after(r)
	})
}

// ReportsBy implements store.Reports.
func (s reports) ReportsBy(ctx context.Context, reporter string, limit int) ([]store.Report, error) {
	return list(ctx, s.records, "ReportsBy", s.reports, limit, reportsByID, func(r store.Report) bool { return r.Reporter == reporter && r.Resolved == 0 })
}

// DeleteReport implements store.Reports.
func (s reports) DeleteReport(ctx context.Context, id string) error {
	return remove(ctx, s.records, "DeleteReport", s.reports, id)
}

// DeleteReportsBefore implements store.Reports.
func (s reports) DeleteReportsBefore(ctx context.Context, resolved int64) error {
	return removeAll(ctx, s.records, "DeleteReportsBefore", s.reports, func(r store.Report) bool { return r.Resolved > 0 && r.Resolved <= resolved })
}
