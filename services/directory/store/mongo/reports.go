package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/directory/store"
)

// reportIndexes is the step that makes the indexes of reports.
var reportIndexes = mongodb.Indexes("10 (indexes of reports)",
	mongodb.Index{Collection: "reports", Fields: []string{"reporter", "room", "author", "message"}, Unique: true},
	mongodb.Index{Collection: "reports", Fields: []string{"room", "_id"}},
	mongodb.Index{Collection: "reports", Fields: []string{"resolved", "_id"}},
)

// reports is a store.Reports.
type reports struct{ *collections }

// PutReport implements store.Reports.
func (s reports) PutReport(ctx context.Context, r store.Report) error {
	return insert(ctx, "put report", s.reports, r)
}

// Report implements store.Reports.
func (s reports) Report(ctx context.Context, id string) (store.Report, error) {
	return one[store.Report](ctx, "report", s.reports, by("_id", id))
}

// MoveReport implements store.Reports.
func (s reports) MoveReport(ctx context.Context, r store.Report, from []string) error {
	return update(ctx, "move report", s.reports, bson.D{{Key: "_id", Value: r.ID}, {Key: "state", Value: by("$in", from)}}, bson.D{
		{Key: "state", Value: r.State}, {Key: "taker", Value: r.Taker}, {Key: "taker_name", Value: r.TakerName}, {Key: "outcome", Value: r.Outcome},
		{Key: "note", Value: r.Note}, {Key: "resolved", Value: r.Resolved},
	})
}

// Reports implements store.Reports.
func (s reports) Reports(ctx context.Context, q store.ReportQuery) ([]store.Report, error) {
	filter := by("resolved", int64(0))
	if q.Resolved {
		filter = above("resolved", int64(0))
	}
	if q.Room != "" {
		filter = append(filter, bson.E{Key: "room", Value: q.Room})
	}
	than, order := "$gt", 1
	if q.Newest {
		than, order = "$lt", -1
	}
	if q.After != "" {
		filter = append(filter, bson.E{Key: "_id", Value: by(than, q.After)})
	}
	return list[store.Report](ctx, "reports", s.reports, filter, by("_id", order), q.Limit)
}

// ReportsBy implements store.Reports.
func (s reports) ReportsBy(ctx context.Context, reporter string, limit int) ([]store.Report, error) {
	return list[store.Report](ctx, "reports of a user", s.reports, append(by("reporter", reporter), by("resolved", int64(0))...), by("_id", 1), limit)
}

// DeleteReport implements store.Reports.
func (s reports) DeleteReport(ctx context.Context, id string) error {
	return remove(ctx, "delete report", s.reports, by("_id", id))
}

// DeleteReportsBefore implements store.Reports.
func (s reports) DeleteReportsBefore(ctx context.Context, resolved int64) error {
	return removeAll(ctx, "delete old reports", s.reports, by("resolved", bson.D{{Key: "$gt", Value: int64(0)}, {Key: "$lte", Value: resolved}}))
}
