package mongotest

import (
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Copied fails the test for each collection of the database that is not among those that a backup
// copies; the schema's versions go with the backup by themselves.
func Copied(t testing.TB, db *mongo.Database, copied []string) {
	t.Helper()
	there, err := db.ListCollectionNames(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range there {
		if name != "schema_versions" && !slices.Contains(copied, name) {
			t.Errorf("no backup has the collection %s", name)
		}
	}
}
