package store

import "context"

// The states of a report.
const (
	ReportOpen     = "open"
	ReportTaken    = "taken" // somebody looks at it
	ReportResolved = "resolved"
)

// Report asks moderators or operators to look at a message. It keeps the message's text, also when
// the message is deleted.
type Report struct {
	ID           string `bson:"_id"` // UUIDv7: the order of ids is that of creation
	Room         string `bson:"room"`
	Author       string `bson:"author"` // id of the message's author
	AuthorName   string `bson:"author_name"`
	Message      string `bson:"message"` // id of the message
	Text         string `bson:"text"`    // the beginning of its text when it was reported
	Sent         int64  `bson:"sent"`    // UTC milliseconds
	Reporter     string `bson:"reporter"`
	ReporterName string `bson:"reporter_name"`
	Reason       string `bson:"reason"`
	Words        string `bson:"words"`   // the reporter's comment
	Created      int64  `bson:"created"` // UTC milliseconds

	State     string `bson:"state"`
	Taker     string `bson:"taker"` // id of the user who took or resolved it
	TakerName string `bson:"taker_name"`
	Outcome   string `bson:"outcome"`
	Note      string `bson:"note"`     // the resolver's comment
	Resolved  int64  `bson:"resolved"` // UTC milliseconds; 0: not resolved
}

// ReportQuery asks for reports, ordered by ID.
type ReportQuery struct {
	Room     string // empty: all
	Resolved bool   // resolved reports, instead of the others
	Newest   bool   // the greatest ID first
	After    string // only reports after this ID, in that order
	Limit    int
}

// Reports keeps reports. See Store for what holds for its methods.
type Reports interface {
	// ErrConflict: the reporter has reported the message already
	PutReport(ctx context.Context, r Report) error
	Report(ctx context.Context, id string) (Report, error) // ErrNotFound
	// changes the fields State to Resolved; ErrNotFound: no such report, or its State is not in
	// from
	MoveReport(ctx context.Context, r Report, from []string) error
	Reports(ctx context.Context, q ReportQuery) ([]Report, error) // a page
	// not resolved, ordered by ID
	ReportsBy(ctx context.Context, reporter string, limit int) ([]Report, error)
	// no error if there is none
	DeleteReport(ctx context.Context, id string) error
	// that were resolved up to this time
	DeleteReportsBefore(ctx context.Context, resolved int64) error
}
