package mongodb_test

import (
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/libs/mongotest"
)

// TestMissingIndexes takes an index away from a database that has had all steps: whoever opens it
// next, and be it several replicas at once, makes it again and says so. What is there stays.
func TestMissingIndexes(t *testing.T) {
	url := mongotest.URL(t)
	steps := []mongodb.Step{mongodb.Indexes("1 (indexes)",
		mongodb.Index{Collection: "things", Fields: []string{"a", "b"}, Unique: true}, mongodb.Index{Collection: "things", Fields: []string{"b"}})}
	open := func(log *zap.Logger) *mongo.Database {
		t.Helper()
		db, err := mongodb.Open(t.Context(), url, mongodb.Schema{App: "one", Steps: steps}, log)
		if err != nil {
			t.Error(err)
			return nil
		}
		t.Cleanup(func() { _ = mongodb.Close(db) })
		return db
	}
	things := open(nil).Collection("things")
	if err := things.Indexes().DropWithKey(t.Context(), bson.D{{Key: "a", Value: 1}, {Key: "b", Value: 1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := things.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "c", Value: 1}}, Options: options.Index()}); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.WarnLevel)
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() { open(zap.New(core)) })
	}
	wait.Wait()
	if told := logs.FilterMessageSnippet("creating a missing index").Len(); told < 1 || told > 3 {
		t.Errorf("logged %+v", logs.All())
	}
	specs, err := things.Indexes().ListSpecifications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unique := 0
	for _, spec := range specs {
		if spec.Unique != nil && *spec.Unique {
			unique++
		}
	}
	if len(specs) != 4 || unique != 1 {
		t.Errorf("indexes are %+v", specs)
	}
	open(zap.New(core))
	if logs.Len() > 3 {
		t.Errorf("one that is there is missing: %+v", logs.All())
	}
}
