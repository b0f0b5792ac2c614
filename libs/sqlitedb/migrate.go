package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/pressly/goose/v3"
	"go.uber.org/zap"

	"hubbub.internal/libs/schema"
)

// Steps lead the schema of a file forward, from one version to the next. Each is noted in the table
// goose_db_version when it is done. A step that was released never changes.
type Steps struct {
	// Table is a table that the schema has from its first step on, and no other program's: see
	// schema.ErrForeign. Empty: any file is taken.
	Table string
	// SQL has the steps in SQL in its root: files like 00001_name.sql, in the form of goose
	// (https://pressly.github.io/goose/documentation/annotations). Only the way up is needed.
	SQL fs.FS
	// Go are the steps in code, by version. Each runs in one transaction, as those in SQL do.
	Go map[int64]func(ctx context.Context, tx *sql.Tx) error
	// Long are the steps that are too long for one transaction, by version. What such a step has
	// committed stays when the process is killed, and the step is run again from its beginning. It
	// tells the log how far it has got.
	Long map[int64]func(ctx context.Context, db *sql.DB, log *zap.Logger) error
}

// Last returns the version of the schema that the steps lead to.
func (s Steps) Last() int64 {
	files, err := fs.Glob(s.SQL, "*")
	if err != nil {
		return 0 // the pattern is a good one
	}
	return int64(len(files) + len(s.Go) + len(s.Long))
}

// migrate runs the steps that the file has not had.
func migrate(ctx context.Context, db *sql.DB, steps Steps, log *zap.Logger) error {
	// The library keeps one connection for itself; that of a long step is another.
	db.SetMaxOpenConns(2)
	defer db.SetMaxOpenConns(1)

	began := time.Now()
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
	for version, run := range steps.Go {
		options = append(options, goose.WithGoMigrations(goose.NewGoMigration(version, &goose.GoFunc{RunTx: run}, nil)))
	}
	for version, run := range steps.Long {
		options = append(options, goose.WithGoMigrations(goose.NewGoMigration(version, &goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error {
			return run(ctx, db, log)
		}}, nil)))
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, steps.SQL, options...)
	if err != nil {
		return fmt.Errorf("schema steps: %w", err)
	}
	target, err := numbered(p.ListSources(), steps)
	if err != nil {
		return fmt.Errorf("schema steps: %w", err)
	}
	// Looked up by hand: the library would make its table first, also in a file that is not to be
	// touched.
	from, err := version(ctx, db)
	if err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	if from > target {
		return schema.Newer(from, target)
	}
	if _, err := p.Up(ctx); err != nil {
		failed, ok := errors.AsType[*goose.PartialError](err)
		if !ok || failed.Failed == nil {
			return fmt.Errorf("schema steps: %w", err)
		}
		source := failed.Failed.Source
		name := path.Base(source.Path)
		if source.Path == "" {
			name = fmt.Sprint(source.Version)
		}
		return schema.Failed(name, source.Version-1, failed.Err)
	}
	schema.Log(log, from, target, time.Since(began))
	return nil
}

// numbered returns the number of the last step, or an error unless the steps are numbered from 1
// without a gap and each file is one: the library passes over a file whose name it does not
// understand.
func numbered(known []*goose.Source, steps Steps) (last int64, err error) {
	files, err := fs.Glob(steps.SQL, "*")
	if err != nil {
		return 0, err
	}
	if functions := len(steps.Go) + len(steps.Long); len(known) != len(files)+functions {
		return 0, fmt.Errorf("%d files and %d functions are %d steps: a file is named like 00001_name.sql", len(files), functions, len(known))
	}
	for i, s := range known {
		if last = int64(i + 1); s.Version != last {
			return 0, fmt.Errorf("step %d has the number %d", last, s.Version)
		}
	}
	return last, nil
}

// version returns the version of the file's schema; 0: it is empty, or of the time before versions.
func version(ctx context.Context, db *sql.DB) (int64, error) {
	var tables int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'`).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	var v sql.NullInt64
	err := db.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version WHERE is_applied`).Scan(&v)
	return v.Int64, err
}
