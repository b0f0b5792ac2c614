package mongotest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// line is a document or an index of a dump: a line of MongoDB's Extended JSON
// (https://www.mongodb.com/docs/manual/reference/mongodb-extended-json).
type line struct {
	Collection string   `bson:"collection"`
	Document   bson.Raw `bson:"document,omitempty"`
	Index      bson.Raw `bson:"index,omitempty"` // its keys
	Unique     bool     `bson:"unique,omitempty"`
}

// Dump writes all documents and indexes of a database to a file.
func Dump(t testing.TB, url, path string) {
	t.Helper()
	db := database(t, url)
	names, err := db.ListCollectionNames(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	var out bytes.Buffer
	for _, name := range names {
		cur, err := db.Collection(name).Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
		if err != nil {
			t.Fatal(err)
		}
		for cur.Next(t.Context()) {
			write(t, &out, line{Collection: name, Document: cur.Current})
		}
		if err := cur.Err(); err != nil {
			t.Fatal(err)
		}
		indexes, err := db.Collection(name).Indexes().ListSpecifications(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, index := range indexes {
			if index.Name != "_id_" {
				write(t, &out, line{Collection: name, Index: index.KeysDocument, Unique: index.Unique != nil && *index.Unique})
			}
		}
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, out *bytes.Buffer, l line) {
	t.Helper()
	text, err := bson.MarshalExtJSON(l, true, false)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(append(text, '\n'))
}

// Load adds the documents and indexes of a dump to a database.
func Load(t testing.TB, url, path string) {
	t.Helper()
	db := database(t, url)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var l line
		if err := bson.UnmarshalExtJSON(lines.Bytes(), true, &l); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if l.Index != nil {
			_, err = db.Collection(l.Collection).Indexes().CreateOne(t.Context(),
				mongo.IndexModel{Keys: l.Index, Options: options.Index().SetUnique(l.Unique)})
		} else {
			_, err = db.Collection(l.Collection).InsertOne(t.Context(), l.Document)
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
}

// Upgrades calls check with the URL of a database for each dump of what an earlier release has
// written, and the version of its schema: testdata/schema-N.jsonl, where N is the version.
// docs/stores.md says how one is made.
func Upgrades(t *testing.T, check func(t *testing.T, url string, version int)) {
	t.Helper()
	dumps, err := filepath.Glob("testdata/schema-*.jsonl")
	if err != nil || len(dumps) == 0 {
		t.Fatal("there are no dumps of earlier releases", err)
	}
	for _, dump := range dumps {
		t.Run(dump, func(t *testing.T) {
			var version int
			if _, err := fmt.Sscanf(filepath.Base(dump), "schema-%d.jsonl", &version); err != nil {
				t.Fatal(err)
			}
			url := URL(t)
			Load(t, url, dump)
			check(t, url, version)
		})
	}
}

// Fixture returns where the dump of this release is written: HUBBUB_MAKE_FIXTURE, else a place that
// goes with the test.
func Fixture(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("HUBBUB_MAKE_FIXTURE"); path != "" {
		return path
	}
	return filepath.Join(t.TempDir(), "store.jsonl")
}

// database connects to the database that a URL of this package names, until the test ends.
func database(t testing.TB, url string) *mongo.Database {
	t.Helper()
	cs, err := connstring.ParseAndValidate(url)
	if err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(url))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	return client.Database(cs.Database)
}
