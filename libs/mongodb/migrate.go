package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/zap"

	"hubbub.internal/libs/schema"
)

// Step leads the schema of a database forward by one version: the first of a list to version 1, and
// so on. A step that was released never changes.
//
// Replicas that start together may run the same step at the same time, and one that is killed in
// the middle is run again from its beginning: Run does no harm when it is repeated, and what it
// does is done when it returns nil. There is no lock that could stay behind.
type Step struct {
	Name string // for the log and for errors
	Run  func(ctx context.Context, db *mongo.Database) error
	// Indexes are those that the step makes. Open looks for them each time: see mend.
	Indexes []Index
}

// Schema is how a program keeps its documents.
type Schema struct {
	// App names the program in the server's log, and its schema in the database.
	App string
	// Collection is one that a database with documents of the program has, whatever version its
	// schema is at. A database with others, and with no program of Hubbub that has noted a version,
	// is schema.ErrForeign. Empty: any database is taken.
	Collection string
	Steps      []Step
}

// stepsTimeout bounds all steps together.
const stepsTimeout = 24 * time.Hour

// versions is the collection that has a document for each schema: the name of the program is its
// _id.
const versions = "schema_versions"

// migrate runs the steps that the database has not had.
func migrate(ctx context.Context, db *mongo.Database, s Schema, log *zap.Logger) error {
	began := time.Now()
	from, err := version(ctx, db, s.App)
	if err != nil {
		return fmt.Errorf("read the version of the schema: %w", err)
	}
	if from == 0 && s.Collection != "" {
		if err := own(ctx, db, s); err != nil {
			return err
		}
	}
	target := int64(len(s.Steps))
	if from > target {
		return schema.Newer(from, target)
	}
	// Without a deadline each operation would have the client's few seconds, and an index of a
	// large collection takes longer.
	ctx, cancel := context.WithTimeout(ctx, stepsTimeout)
	defer cancel()
	for v := from; v < target; v++ {
		if err := s.Steps[v].Run(ctx, db); err != nil {
			return schema.Failed(s.Steps[v].Name, v, err)
		}
		if err := reached(ctx, db, s.App, v+1); err != nil {
			return schema.Failed(s.Steps[v].Name, v, err)
		}
	}
	schema.Log(log, from, target, time.Since(began))
	return nil
}

// own returns schema.ErrForeign for a database of another program, and notes the program in any
// other one. It does so before the program makes its first collection: where two programs of Hubbub
// start at the same time, the one that sees a collection of the other finds it noted.
func own(ctx context.Context, db *mongo.Database, s Schema) error {
	mine, err := noted(ctx, db)
	if err == nil && !mine {
		mine, err = has(ctx, db, s.Collection)
	}
	if err == nil && !mine { // another program of Hubbub may have been noted meanwhile
		mine, err = noted(ctx, db)
	}
	if err != nil {
		return fmt.Errorf("whose the database is: %w", err)
	}
	if !mine {
		return fmt.Errorf("%w: the database %s has collections, but none that is called %s; name another database in --store", schema.ErrForeign, db.Name(), s.Collection)
	}
	if err := reached(ctx, db, s.App, 0); err != nil {
		return fmt.Errorf("note the version of the schema: %w", err)
	}
	return nil
}

// noted reports whether any program of Hubbub has noted a version.
func noted(ctx context.Context, db *mongo.Database) (bool, error) {
	err := db.Collection(versions).FindOne(ctx, bson.D{}).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}

// has reports whether a database has the collection, or none but that of the versions.
func has(ctx context.Context, db *mongo.Database, collection string) (bool, error) {
	all, err := db.ListCollectionNames(ctx, bson.D{})
	all = slices.DeleteFunc(all, func(name string) bool { return name == versions || strings.HasPrefix(name, "system.") })
	return len(all) == 0 || slices.Contains(all, collection), err
}

// version returns the version of a schema; 0: the database is empty, or of the time before
// versions.
func version(ctx context.Context, db *mongo.Database, app string) (int64, error) {
	var doc struct{ Version int64 }
	err := db.Collection(versions).FindOne(ctx, bson.D{{Key: "_id", Value: app}}).Decode(&doc)
	if errors.Is(err, mongo.ErrNoDocuments) {
		err = nil
	}
	return doc.Version, err
}

// reached notes that a schema is at a version, unless another replica has moved it further already.
func reached(ctx context.Context, db *mongo.Database, app string, v int64) error {
	_, err := db.Collection(versions).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: app}, {Key: "version", Value: bson.D{{Key: "$lt", Value: v}}}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "version", Value: v}}}},
		options.UpdateOne().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) { // the document is there, with that version or a later one
		return nil
	}
	return err
}

// Index is an index that a collection is to have.
type Index struct {
	Collection string
	Fields     []string // ascending
	Unique     bool
}

// Indexes returns a step that makes indexes; those that are there stay.
func Indexes(name string, indexes ...Index) Step {
	return Step{Name: name, Indexes: indexes, Run: func(ctx context.Context, db *mongo.Database) error {
		for _, index := range indexes {
			if err := index.create(ctx, db); err != nil {
				return err
			}
		}
		return nil
	}}
}

// create makes an index; one that is there stays.
func (i Index) create(ctx context.Context, db *mongo.Database) error {
	var keys bson.D
	for _, field := range i.Fields {
		keys = append(keys, bson.E{Key: field, Value: 1})
	}
	model := mongo.IndexModel{Keys: keys, Options: options.Index().SetUnique(i.Unique)}
	if _, err := db.Collection(i.Collection).Indexes().CreateOne(ctx, model); err != nil {
		return fmt.Errorf("index of %s: %w", i.Collection, err)
	}
	return nil
}

// mend makes the indexes of all steps that are not there, although the steps were run: somebody
// dropped one, or restored documents without them. Any number of replicas may do so at once.
func mend(ctx context.Context, db *mongo.Database, steps []Step, log *zap.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, stepsTimeout)
	defer cancel()
	there := make(map[string]map[string]bool) // of each collection, by fields
	for _, step := range steps {
		for _, index := range step.Indexes {
			known, ok := there[index.Collection]
			if !ok {
				specs, err := db.Collection(index.Collection).Indexes().ListSpecifications(ctx)
				if err != nil {
					return fmt.Errorf("indexes of %s: %w", index.Collection, err)
				}
				known = make(map[string]bool)
				for _, spec := range specs {
					fields, err := spec.KeysDocument.Elements()
					if err != nil {
						return fmt.Errorf("indexes of %s: %w", index.Collection, err)
					}
					var names []string
					for _, field := range fields {
						names = append(names, field.Key())
					}
					known[strings.Join(names, " ")] = true
				}
				there[index.Collection] = known
			}
			if known[strings.Join(index.Fields, " ")] {
				continue
			}
			if log != nil {
				log.Warn("creating a missing index", zap.String("collection", index.Collection), zap.Strings("fields", index.Fields))
			}
			if err := index.create(ctx, db); err != nil {
				return err
			}
		}
	}
	return nil
}
