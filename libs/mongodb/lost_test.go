package mongodb_test

import (
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/libs/mongotest"
)

// TestLostConnections loses all connections to a server, and tells neither end, while the server is
// killed and started again. Many operations at a time, which find a lost connection each, are asked
// again over new ones, once each, and none runs into its deadline.
func TestLostConnections(t *testing.T) {
	server := mongotest.Start(t)
	proxy := mongotest.NewProxy(t, server.URL)
	db, err := mongodb.Open(t.Context(), proxy.URL+"?timeoutMS=60000&serverSelectionTimeoutMS=60000&connectTimeoutMS=1000&heartbeatFrequencyMS=500&minPoolSize=8", mongodb.Schema{App: "hubbub-test"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mongodb.Close(db) }()
	things := db.Collection("things")
	if _, err := things.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}); err != nil {
		t.Fatal(err)
	}
	const readers = 8
	read := func() {
		var all sync.WaitGroup
		for range readers {
			all.Go(func() {
				if err := things.FindOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}).Err(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	for proxy.Connections() <= readers { // one watches the server
		time.Sleep(time.Millisecond)
	}
	proxy.Lose()
	server.Kill()
	server.Again()
	proxy.Commands()
	read()
	if asked := proxy.Commands(); len(asked) != readers {
		t.Errorf("%d readers took %v", readers, asked)
	}
	if _, err := things.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}); !mongo.IsDuplicateKeyError(err) {
		t.Errorf("a key that is taken: %v", err)
	}
}
