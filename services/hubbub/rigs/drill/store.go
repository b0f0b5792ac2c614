package drill

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	_ "modernc.org/sqlite" // the driver

	"hubbub.internal/libs/await"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// lockStore holds the write lock of each SQLite file for the outage.
func lockStore(ctx context.Context, s *stage) error {
	var errs []error
	var held []func() error
	for _, p := range s.All() {
		if p.File == "" {
			continue
		}
		release, err := lock(ctx, p.File)
		if err != nil {
			errs = append(errs, fmt.Errorf("lock %s: %w", p.File, err))
			continue
		}
		s.hit = append(s.hit, p.Name)
		held = append(held, release)
	}
	if len(errs) == 0 {
		_ = await.Sleep(ctx, s.cfg.Outage)
	}
	for _, release := range held {
		errs = append(errs, release())
	}
	return errors.Join(errs...)
}

// lock takes the write lock of an SQLite file (https://sqlite.org/lang_transaction.html).
func lock(ctx context.Context, file string) (release func() error, err error) {
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: file, RawQuery: "_pragma=busy_timeout(10000)"}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	conn, err := db.Conn(ctx)
	if err == nil {
		_, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error {
		_, err := conn.ExecContext(ctx, "ROLLBACK")
		return errors.Join(err, conn.Close(), db.Close())
	}, nil
}

// fullStore moves the files of the directory and history to small disks, fills those for the
// outage, and moves the files back.
func fullStore(ctx context.Context, s *stage) error {
	mend := context.WithoutCancel(ctx)
	var errs []error
	var disks []*cluster.Disk
	var files []*cluster.Process
	for _, p := range s.All() {
		if p.File == "" {
			continue
		}
		p.Stop()
		disk, err := cluster.NewDisk(p.Data)
		if err == nil {
			disks, files = append(disks, disk), append(files, p)
			s.hit = append(s.hit, p.Name)
		}
		errs = append(errs, skip(err), p.Start(mend))
	}
	if errors.Join(errs...) == nil {
		_ = await.Sleep(ctx, calm)
		for _, d := range disks {
			errs = append(errs, d.Fill())
		}
		_ = await.Sleep(ctx, s.cfg.Outage)
		for _, d := range disks {
			errs = append(errs, d.Free())
		}
		_ = await.Sleep(ctx, calm) // the services recover by themselves
		for _, p := range files {
			if !p.Runs() {
				errs = append(errs, fmt.Errorf("%s has ended: %s", p.Name, p.LogTail()))
			}
		}
	}
	for i, p := range files {
		p.Stop()
		errs = append(errs, disks[i].Remove(), p.Start(mend))
	}
	return errors.Join(errs...)
}

func killStore(ctx context.Context, s *stage) error {
	p, err := s.pick("ferretdb")
	if err != nil {
		return err
	}
	p.Kill()
	_ = await.Sleep(ctx, s.cfg.Outage)
	return again(ctx, p)
}

func freezeStore(ctx context.Context, s *stage) error {
	p, err := s.pick("ferretdb")
	if err != nil {
		return err
	}
	if err := p.Pause(); err != nil {
		return err
	}
	_ = await.Sleep(ctx, s.cfg.Outage)
	return p.Resume()
}
