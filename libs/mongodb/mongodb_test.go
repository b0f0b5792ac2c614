package mongodb_test

import (
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.uber.org/goleak"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/libs/mongotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOpen(t *testing.T) {
	url := mongotest.URL(t)
	indexes := []mongodb.Step{mongodb.Indexes("1 (indexes)",
		mongodb.Index{Collection: "things", Fields: []string{"a", "b"}, Unique: true}, mongodb.Index{Collection: "things", Fields: []string{"a"}})}
	for range 2 { // the second time the indexes are there
		db, err := mongodb.Open(t.Context(), url, mongodb.Schema{App: "hubbub-test", Steps: indexes}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(url, "/"+db.Name()) {
			t.Errorf("the database is %s, of %s", db.Name(), url)
		}
		things := db.Collection("things")
		if _, err := things.DeleteMany(t.Context(), bson.D{}); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			a, b  int
			taken bool
		}{{1, 1, false}, {1, 2, false}, {1, 1, true}} {
			_, err := things.InsertOne(t.Context(), bson.D{{Key: "a", Value: tt.a}, {Key: "b", Value: tt.b}})
			if mongo.IsDuplicateKeyError(err) != tt.taken || !tt.taken && err != nil {
				t.Errorf("%+v: %v", tt, err)
			}
		}
		if err := mongodb.Close(db); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenFails(t *testing.T) {
	there := mongotest.URL(t)
	for url, want := range map[string]string{
		"mongodb://": "not a MongoDB URL",
		"redis://x":  "not a MongoDB URL",
		"mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100":           "is it running",
		strings.Replace(there, "//", "//ann:sesame@", 1):                "refused the login: check the user and password",
		"mongodb://nowhere.invalid/?serverSelectionTimeoutMS=100&tls=x": "--store is",
	} {
		db, err := mongodb.Open(t.Context(), url, mongodb.Schema{App: "hubbub-test"}, nil)
		if err == nil {
			_ = mongodb.Close(db)
			t.Errorf("opened %s", url)
		} else if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%s: %v; want one line with %q", url, err, want)
		} else if final := strings.Contains(err.Error(), "--store is "); await.IsFinal(err) != final {
			t.Errorf("%s: %v is final: %t", url, err, !final)
		}
	}
}

// TestExplain has what a MongoDB with users says, and FerretDB does not.
func TestExplain(t *testing.T) {
	for _, tt := range []struct {
		code int32
		want string
	}{
		{13, "give it the role readWrite on the database chat"},
		{18, "refused the login"},
		{8000, "refused the login"},
		{11600, "cannot be prepared"},
	} {
		err := mongodb.Explain(fmt.Errorf("find: %w", mongo.CommandError{Code: tt.code, Message: "not\nso"}), []string{"a:1", "b:2"}, "chat")
		if !strings.HasPrefix(err.Error(), "MongoDB at a:1,b:2 ") || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || await.IsFinal(err) {
			t.Errorf("%d: %v", tt.code, err)
		}
	}
}
