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
)

// copyBatch is how many bytes of documents are copied at a time, if it is more than one document.
const copyBatch = 4 << 20

// maxDocument is how large a document can be, in bytes
// (https://www.mongodb.com/docs/manual/reference/limits).
const maxDocument = 16<<20 + 16<<10

// Stock is what a database has of one program: collections that were made by its steps. It copies
// them as they are, whatever their version. It is safe for concurrent use.
type Stock struct {
	db          *mongo.Database
	app         string
	collections []string
}

// OpenStock connects to the server; see Open. It reads the version of the schema, and moves nothing
// forward. The caller closes it.
func OpenStock(ctx context.Context, url, app string, collections []string) (*Stock, error) {
	db, hosts, err := connect(url, app)
	if err != nil {
		return nil, err
	}
	if _, err := version(ctx, db, app); err != nil {
		_ = db.Client().Disconnect(context.WithoutCancel(ctx))
		return nil, explain(err, hosts, db.Name())
	}
	return &Stock{db: db, app: app, collections: collections}, nil
}

// Close ends the connections.
func (s *Stock) Close() error { return Close(s.db) }

// Version returns the version of the schema; 0: there is none.
func (s *Stock) Version(ctx context.Context) (int64, error) {
	v, err := version(ctx, s.db, s.app)
	return v, s.wrap("read the version of the schema", err)
}

// MayWrite returns an error if the user may not change documents. It changes none.
func (s *Stock) MayWrite(ctx context.Context) error {
	none := bson.D{{Key: "_id", Value: "nobody"}}
	if _, err := s.db.Collection(versions).UpdateOne(ctx, none, bson.D{{Key: "$set", Value: bson.D{{Key: "version", Value: 0}}}}); err != nil {
		return s.wrap("update", err)
	}
	_, err := s.db.Collection(versions).DeleteOne(ctx, none)
	return s.wrap("delete", err)
}

// Server is what a server says of itself.
type Server struct {
	Now        time.Time // by its clock
	ReplicaSet string    // empty: it is alone
	Version    string    // empty: it does not say
}

// Server asks the server about itself.
func (s *Stock) Server(ctx context.Context) (Server, error) {
	var hello struct {
		LocalTime time.Time `bson:"localTime"`
		SetName   string    `bson:"setName"`
		Message   string    `bson:"msg"` // isdbgrid: a router of a sharded cluster
	}
	if err := s.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return Server{}, s.wrap("ask about the server", err)
	}
	out := Server{Now: hello.LocalTime, ReplicaSet: hello.SetName}
	if out.ReplicaSet == "" {
		out.ReplicaSet = hello.Message
	}
	var build struct{ Version string }
	if err := s.db.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build); err == nil {
		out.Version = build.Version
	}
	return out, nil
}

// Count returns how many documents each collection has that has any.
func (s *Stock) Count(ctx context.Context) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, stepsTimeout)
	defer cancel()
	counts := make(map[string]int64)
	for _, c := range s.collections {
		n, err := s.db.Collection(c).CountDocuments(ctx, bson.D{})
		if err != nil {
			return nil, s.wrap("count "+c, err)
		}
		if n > 0 {
			counts[c] = n
		}
	}
	return counts, nil
}

// Dump hands over all documents, one BSON document behind the other, collection by collection in
// the order of OpenStock and of _id in each. What is inserted meanwhile behind the place that was
// reached is there, and before it is not. batch is valid until take returns.
func (s *Stock) Dump(ctx context.Context, take func(collection string, batch []byte, n int64) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepsTimeout)
	defer cancel()
	var batch []byte
	for _, c := range s.collections {
		cur, err := s.db.Collection(c).Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
		if err != nil {
			return s.wrap("read "+c, err)
		}
		n := int64(0)
		flush := func() error {
			if n == 0 {
				return nil
			}
			err := take(c, batch, n)
			batch, n = batch[:0], 0
			return err
		}
		for err == nil && cur.Next(ctx) {
			if len(batch)+len(cur.Current) > copyBatch {
				err = flush()
			}
			batch = append(batch, cur.Current...)
			n++
		}
		if err == nil {
			err = s.wrap("read "+c, cur.Err())
		}
		if err == nil {
			err = flush()
		}
		if err := errors.Join(err, cur.Close(context.WithoutCancel(ctx))); err != nil {
			return err
		}
	}
	return nil
}

// Documents calls each with every document of a batch, and returns how many those are. An error
// says that it is no batch, or is that of each.
func Documents(batch []byte, each func(bson.Raw) error) (n int64, err error) {
	for len(batch) > 0 {
		if len(batch) < 5 {
			return n, errors.New("these are no BSON documents")
		}
		size := int(batch[0]) | int(batch[1])<<8 | int(batch[2])<<16 | int(batch[3])<<24
		if size < 5 || size > len(batch) || size > maxDocument {
			return n, errors.New("these are no BSON documents")
		}
		doc := bson.Raw(batch[:size])
		if err := doc.Validate(); err != nil {
			return n, fmt.Errorf("document %d: %w", n, err)
		}
		if each != nil {
			if err := each(doc); err != nil {
				return n, err
			}
		}
		batch, n = batch[size:], n+1
	}
	return n, nil
}

// Load inserts a batch of Dump, and returns how many documents those are.
func (s *Stock) Load(ctx context.Context, collection string, batch []byte) (int64, error) {
	if !slices.Contains(s.collections, collection) {
		return 0, fmt.Errorf("%s has no collection %q", s.app, collection)
	}
	var docs []bson.Raw
	n, err := Documents(batch, func(d bson.Raw) error { docs = append(docs, d); return nil })
	if err != nil || n == 0 {
		return n, err
	}
	_, err = s.db.Collection(collection).InsertMany(ctx, docs)
	return n, s.wrap("write "+collection, err)
}

// Indexes returns the indexes of all collections, but for those that every collection has.
func (s *Stock) Indexes(ctx context.Context) (all []Index, err error) {
	there, err := s.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, s.wrap("list the collections", err)
	}
	for _, c := range s.collections {
		if !slices.Contains(there, c) {
			continue
		}
		specs, err := s.db.Collection(c).Indexes().ListSpecifications(ctx)
		if err != nil {
			return nil, s.wrap("indexes of "+c, err)
		}
		for _, spec := range specs {
			if spec.Name == "_id_" {
				continue
			}
			index := Index{Collection: c, Unique: spec.Unique != nil && *spec.Unique}
			keys, err := spec.KeysDocument.Elements()
			if err != nil {
				return nil, s.wrap("indexes of "+c, err)
			}
			for _, key := range keys {
				index.Fields = append(index.Fields, key.Key())
			}
			all = append(all, index)
		}
	}
	return all, nil
}

// Finish makes the indexes of what was loaded, and notes the version of its schema. What has no
// version is not finished.
func (s *Stock) Finish(ctx context.Context, indexes []Index, v int64) error {
	ctx, cancel := context.WithTimeout(ctx, stepsTimeout)
	defer cancel()
	if err := Indexes("", indexes...).Run(ctx, s.db); err != nil {
		return s.wrap("make indexes", err)
	}
	if v == 0 { // of the time before versions
		return nil
	}
	return s.wrap("note the version of the schema", reached(ctx, s.db, s.app, v))
}

// Clear removes everything that the database has of the program.
func (s *Stock) Clear(ctx context.Context) error {
	if _, err := s.db.Collection(versions).DeleteOne(ctx, bson.D{{Key: "_id", Value: s.app}}); err != nil {
		return s.wrap("remove the version of the schema", err)
	}
	for _, c := range s.collections {
		if err := s.db.Collection(c).Drop(ctx); err != nil {
			return s.wrap("remove "+c, err)
		}
	}
	return nil
}

func (s *Stock) wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("MongoDB, database %s: %s: %s: %w", s.db.Name(), strings.TrimPrefix(s.app, "hubbub-"), what, err)
}
