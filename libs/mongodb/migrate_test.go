package mongodb_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"hubbub.internal/libs/await"
	"hubbub.internal/libs/mongodb"
	"hubbub.internal/libs/mongotest"
	"hubbub.internal/libs/schema"
)

// TestSteps moves a database forward, over several releases, with a step that fails at first and
// replicas that start together.
func TestSteps(t *testing.T) {
	url := mongotest.URL(t)
	var mu sync.Mutex
	var ran []string
	step := func(name string, err error) mongodb.Step {
		return mongodb.Step{Name: name, Run: func(ctx context.Context, _ *mongo.Database) error {
			mu.Lock()
			defer mu.Unlock()
			if end, ok := ctx.Deadline(); !ok || time.Until(end) < time.Hour {
				t.Errorf("step %s has until %s: each of its operations would have the client's seconds, or less than an hour", name, end)
			}
			ran = append(ran, name)
			return err
		}}
	}
	open := func(app string, log *zap.Logger, steps ...mongodb.Step) error {
		db, err := mongodb.Open(t.Context(), url, mongodb.Schema{App: app, Steps: steps}, log)
		if err == nil {
			err = mongodb.Close(db)
		}
		return err
	}
	check := func(what string, want ...string) {
		t.Helper()
		if !slices.Equal(ran, want) {
			t.Errorf("%s: steps %v ran, want %v", what, ran, want)
		}
		ran = nil
	}
	core, logs := observer.New(zap.DebugLevel)
	if err := open("one", zap.New(core), step("a", nil), step("b", nil)); err != nil {
		t.Fatal(err)
	}
	check("an empty database", "a", "b")
	if all := logs.FilterMessageSnippet("migrated the store's schema").All(); len(all) != 1 || all[0].ContextMap()["to"] != int64(2) {
		t.Errorf("logged %+v", logs.All())
	}
	if err := open("one", nil, step("a", nil), step("b", nil)); err != nil {
		t.Fatal(err)
	}
	check("the same release again")

	broken := errors.New("broken")
	if err := open("one", nil, step("a", nil), step("b", nil), step("c", nil), step("d", broken)); !errors.Is(err, broken) ||
		!strings.Contains(err.Error(), "step d failed") || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("error is %v", err)
	}
	check("a release whose second step fails", "c", "d")
	if err := open("one", nil, step("a", nil), step("b", nil), step("c", nil), step("d", nil)); err != nil {
		t.Fatal(err)
	}
	check("the mended release", "d")

	if err := open("one", nil, step("a", nil)); !errors.Is(err, schema.ErrNewer) || !strings.Contains(err.Error(), "version 4") {
		t.Errorf("an old release: %v", err)
	}
	check("an old release")

	// Another program's schema in the same database is another one. Its replicas start together.
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if err := open("two", nil, step("x", nil), step("y", nil)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if !slices.Contains(ran, "x") || !slices.Contains(ran, "y") {
		t.Errorf("together they ran %v", ran)
	}
	ran = nil
	if err := open("two", nil, step("x", nil), step("y", nil)); err != nil {
		t.Fatal(err)
	}
	check("after they started together")
}

// TestStepsAddAndFill runs a step as one that a release may have: a field for all documents, and an
// index of it.
func TestStepsAddAndFill(t *testing.T) {
	url := mongotest.URL(t)
	fill := mongodb.Step{Name: "1 (size)", Run: func(ctx context.Context, db *mongo.Database) error {
		_, err := db.Collection("things").UpdateMany(ctx,
			bson.D{{Key: "size", Value: bson.D{{Key: "$exists", Value: false}}}}, bson.D{{Key: "$set", Value: bson.D{{Key: "size", Value: 1}}}})
		return err
	}}
	old, err := mongodb.Open(t.Context(), url, mongodb.Schema{App: "app"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Collection("things").InsertOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}); err != nil {
		t.Fatal(err)
	}
	if err := mongodb.Close(old); err != nil {
		t.Fatal(err)
	}
	steps := []mongodb.Step{fill, mongodb.Indexes("2 (index of size)", mongodb.Index{Collection: "things", Fields: []string{"size"}})}
	db, err := mongodb.Open(t.Context(), url, mongodb.Schema{App: "app", Steps: steps}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mongodb.Close(db) }()
	var thing struct{ Size int }
	if err := db.Collection("things").FindOne(t.Context(), bson.D{{Key: "_id", Value: "a"}}).Decode(&thing); err != nil || thing.Size != 1 {
		t.Errorf("%+v, %v", thing, err)
	}
}

// TestForeignDatabase: a database of another program is refused, and nothing is changed in it; one
// of an older release of one's own, or of another program of Hubbub, is taken.
func TestForeignDatabase(t *testing.T) {
	one, two := mongodb.Schema{App: "one", Collection: "ones"}, mongodb.Schema{App: "two", Collection: "twos"}
	for _, tt := range []struct {
		name    string
		has     []string // collections
		before  []mongodb.Schema
		foreign bool
	}{
		{"nothing", nil, nil, false},
		{"another program's", []string{"users", "rocketchat_room"}, nil, true},
		{"from before versions", []string{"ones", "users"}, nil, false},
		{"of another program of Hubbub", []string{"twos"}, []mongodb.Schema{two}, false},
		{"one's own, and what somebody put beside", []string{"notes"}, []mongodb.Schema{one}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := mongotest.URL(t)
			for _, s := range tt.before {
				db, err := mongodb.Open(t.Context(), url, s, nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := mongodb.Close(db); err != nil {
					t.Fatal(err)
				}
			}
			plain, err := mongodb.Open(t.Context(), url, mongodb.Schema{App: "test"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = mongodb.Close(plain) }()
			for _, c := range tt.has {
				if err := plain.CreateCollection(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			collections := func() []string {
				all, err := plain.ListCollectionNames(t.Context(), bson.D{})
				if err != nil {
					t.Fatal(err)
				}
				slices.Sort(all)
				return all
			}
			before := collections()
			db, err := mongodb.Open(t.Context(), url, one, nil)
			if err == nil {
				_ = mongodb.Close(db)
			}
			if errors.Is(err, schema.ErrForeign) != tt.foreign || err != nil && !tt.foreign {
				t.Errorf("error is %v", err)
			}
			if !tt.foreign {
				return
			}
			if !await.IsFinal(err) || !strings.Contains(err.Error(), "--store") || !strings.Contains(err.Error(), plain.Name()) {
				t.Errorf("error is %v", err)
			}
			if after := collections(); !slices.Equal(before, after) {
				t.Errorf("it had %v, and has %v", before, after)
			}
		})
	}
}
