package sqlite

import (
	"context"

	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

const reportColumns = `SELECT id, room, author, author_name, message, text, sent, reporter, reporter_name, reason, words, created, state, taker, taker_name,
	outcome, note, resolved FROM reports `

func reportFields(r *store.Report) []any {
	return []any{
		&r.ID, &r.Room, &r.Author, &r.AuthorName, &r.Message, &r.Text, &r.Sent, &r.Reporter, &r.ReporterName, &r.Reason, &r.Words, &r.Created, &r.State,
		&r.Taker, &r.TakerName, &r.Outcome, &r.Note, &r.Resolved,
	}
}

// reports is a store.Reports.
type reports struct{ db }

// PutReport implements store.Reports.
func (s reports) PutReport(ctx context.Context, r store.Report) error {
	return s.run(ctx, "put report", `INSERT INTO reports (id, room, author, author_name, message, text, sent, reporter, reporter_name, reason, words, created,
		state, taker, taker_name, outcome, note, resolved) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.ID, r.Room, r.Author, r.AuthorName, r.Message, r.Text, r.Sent, r.Reporter, r.ReporterName, r.Reason, r.Words, r.Created, r.State, r.Taker, r.TakerName,
		r.Outcome, r.Note, r.Resolved)
}

// Report implements store.Reports.
func (s reports) Report(ctx context.Context, id string) (store.Report, error) {
	return first(ctx, s.db, "report", reportFields, reportColumns+`WHERE id = ?`, id)
}

// MoveReport implements store.Reports.
func (s reports) MoveReport(ctx context.Context, r store.Report, from []string) error {
	return s.update(ctx, "move report", `UPDATE reports SET state = ?, taker = ?, taker_name = ?, outcome = ?, note = ?, resolved = ?
		WHERE id = ? AND state IN (SELECT value FROM json_each(?))`, r.State, r.Taker, r.TakerName, r.Outcome, r.Note, r.Resolved, r.ID, sqlitedb.List(from))
}

// Reports implements store.Reports.
func (s reports) Reports(ctx context.Context, q store.ReportQuery) ([]store.Report, error) {
	query, args := findReports(q)
	return list(ctx, s.db, "reports", reportFields, query, args...)
}

func findReports(q store.ReportQuery) (query string, args []any) {
	query = reportColumns + `WHERE resolved = 0`
	if q.Resolved {
		query = reportColumns + `WHERE resolved > 0`
	}
	if q.Room != "" {
		query += ` AND room = ?`
		args = append(args, q.Room)
	}
	order := ` ORDER BY id LIMIT ?`
	switch {
	case q.Newest:
		order = ` ORDER BY id DESC LIMIT ?`
		if q.After != "" {
			query += ` AND id < ?`
			args = append(args, q.After)
		}
	default:
		query += ` AND id > ?`
		args = append(args, q.After)
	}
	return query + order, append(args, q.Limit)
}

// ReportsBy implements store.Reports.
func (s reports) ReportsBy(ctx context.Context, reporter string, limit int) ([]store.Report, error) {
	return list(ctx, s.db, "reports of a user", reportFields, reportColumns+`WHERE reporter = ? AND resolved = 0 ORDER BY id LIMIT ?`, reporter, limit)
}

// DeleteReport implements store.Reports.
func (s reports) DeleteReport(ctx context.Context, id string) error {
	return s.run(ctx, "delete report", `DELETE FROM reports WHERE id = ?`, id)
}

// DeleteReportsBefore implements store.Reports.
func (s reports) DeleteReportsBefore(ctx context.Context, resolved int64) error {
	return s.run(ctx, "delete old reports", `DELETE FROM reports WHERE resolved > 0 AND resolved <= ?`, resolved)
}
