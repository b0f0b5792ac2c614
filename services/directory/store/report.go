package store

import "context"

// The states of a report.
const (
	ReportOpen     = "open"
	ReportTaken    = "taken" // somebody looks at it
	ReportResolved = "resolved"
)

// Report asks the moderators of a room, or those of the server, to look at a message. It has the
// message's text, which stays when the message is deleted.
type Report struct {
	ID           string `bson:"_id"` // UUIDv7: in the order in which they were made
	Room         string `bson:"room"`
	Author       string `bson:"author"` // of the message
	AuthorName   string `bson:"author_name"`
	Message      string `bson:"message"` // its ID
	Text         string `bson:"text"`    // its text when it was reported, cut
	Sent         int64  `bson:"sent"`    // UTC milliseconds
	Reporter     string `bson:"reporter"`
	ReporterName string `bson:"reporter_name"`
	Reason       string `bson:"reason"`
	Words        string `bson:"words"`   // what the reporter says of it
	Created      int64  `bson:"created"` // UTC milliseconds

	State     string `bson:"state"`
	Taker     string `bson:"taker"` // who took it, or resolved it
	TakerName string `bson:"taker_name"`
	Outcome   string `bson:"outcome"`
	Note      string `bson:"note"`     // of the user who resolved it
	Resolved  int64  `bson:"resolved"` // UTC milliseconds; 0: it is not
}

// ReportQuery asks for reports, in the order of ID.
type ReportQuery struct {
	Room     string // empty: all
	Resolved bool   // those that are, instead of those that are not
	Newest   bool   // the greatest ID first
	After    string // only those that come after this ID, in that order
	Limit    int
}

// Reports keeps reports; see Store for what holds of its methods.
type Reports interface {
	// ErrConflict: the reporter has reported that message
	PutReport(ctx context.Context, r Report) error
	Report(ctx context.Context, id string) (Report, error) // ErrNotFound
	// changes State to Resolved; ErrNotFound: its State is none of from
	MoveReport(ctx context.Context, r Report, from []string) error
	Reports(ctx context.Context, q ReportQuery) ([]Report, error) // a page of them
	// that are not resolved, by ID
	ReportsBy(ctx context.Context, reporter string, limit int) ([]Report, error)
	// none is not an error
	DeleteReport(ctx context.Context, id string) error
	// that were resolved by then
	DeleteReportsBefore(ctx context.Context, resolved int64) error
}
