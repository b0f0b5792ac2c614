package sqlite

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"hubbub.internal/libs/sqlitedb"
)

// BenchmarkMove measures how long the first start of this release takes with what the release
// before has kept: so many messages of 100 B by 1,000 users in 100 rooms (s/million), and what the
// file has for each before and after (B/msg).
//
//	go test -run - -bench Move -benchtime 300000x ./store/sqlite
func BenchmarkMove(b *testing.B) {
	path := filepath.Join(b.TempDir(), "history.db")
	db, err := sqlitedb.Open(b.Context(), path, stepsThrough(b, 6), nil)
	if err != nil {
		b.Fatal(err)
	}
	_, err = db.Write.ExecContext(b.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1),
		named(i, seq, room, sender, id) AS (SELECT i, (1700000000 << 20) + i, printf('01890a5d-ac96-774b-bcce-%012x', 1000000 + i % 100),
			printf('01890a5d-ac96-774b-bcce-%012x', i / 100 % 1000), printf('01890a5d-ac96-774b-bcce-%012x', 2000000 + i) FROM n)
		INSERT INTO entries (key, room, seq, sender, id, type, target, data, author, slot, past)
		SELECT printf('%s:%020d', room, seq), room, seq, sender, id, 'msg', '', CAST(x'01' || printf('{"type":"msg","room":"%s","id":"%s","user":"%s","name":"User %d","ts":1700000000000,"text":"%.100c"}',
			room, id, sender, i % 1000, 'x') AS BLOB), '', '', 0 FROM named`, b.N)
	if err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	size := func() float64 {
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		return float64(info.Size()) / float64(b.N)
	}
	before := size()
	b.ResetTimer()
	began := time.Now()
	s, err := Open(b.Context(), path, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(time.Since(began).Seconds()*1e6/float64(b.N), "s/million")
	b.ReportMetric(before, "B/msg-before")
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(size(), "B/msg")
}
