package natsbus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"hubbub.internal/libs/bus"
)

// getRequest is JetStream's request for stored messages (direct get).
type getRequest struct {
	Seq       uint64   `json:"seq,omitempty"`
	NextFor   string   `json:"next_by_subj,omitempty"`
	LastFor   string   `json:"last_by_subj,omitempty"`
	Batch     int      `json:"batch,omitempty"`
	MaxBytes  int      `json:"max_bytes,omitempty"`
	MultiLast []string `json:"multi_last,omitempty"`
	UpTo      uint64   `json:"up_to_seq,omitempty"`
	Start     string   `json:"start_time,omitempty"`
}

const (
	statusNoContent = "204" // the end of a batch
	statusNotFound  = "404"
)

// getBytes bounds the answer to one direct get. The server's own limit is 64 MiB.
const getBytes = 8 << 20

var errNotFound = errors.New("the log has no such entry")

// errIncomplete says that replies were lost, or that a replica is behind: ask again.
var errIncomplete = errors.New("the answer is not complete")

// batch is the answer to a direct get of many messages.
type batch struct {
	msgs    []*nats.Msg
	pending uint64 // how many more messages match
	upTo    uint64 // of a multi-last get: the last Seq of the server that answered, at that time
}

// get fetches messages from a stream. errNotFound: there is none.
func (b *store) get(ctx context.Context, stream string, req getRequest) (batch, error) {
	var got batch
	var err error
	last := uint64(0)
	callErr := b.inbox.request(ctx, "$JS.API.DIRECT.GET."+stream, req, func(m *nats.Msg) bool {
		switch status := header(m.Header, headerStatus); status {
		case "":
			if req.Batch > 0 || req.MultiLast != nil { // each names the one sent before it
				if headerUint(m.Header, headerLast) != last {
					err = errIncomplete
					return true
				}
				last = headerUint(m.Header, headerSeq)
			}
			got.msgs = append(got.msgs, m)
			return req.Batch == 0 && req.MultiLast == nil
		case statusNoContent:
			if headerUint(m.Header, headerLast) != last {
				err = errIncomplete
			}
			got.pending, got.upTo = headerUint(m.Header, headerPending), headerUint(m.Header, headerUpTo)
			return true
		case statusNotFound:
			err = notFound(req, header(m.Header, headerDescribe))
			return true
		default:
			err = fmt.Errorf("the server answers %s %s", status, header(m.Header, headerDescribe))
			return true
		}
	})
	if callErr != nil {
		return batch{}, callErr
	}
	return got, err
}

// notFound reads a 404. That of a multi-last get may also mean that the server knows of a last
// entry and could not load it, for example because it has just been removed: then the answer says
// nothing of the other rooms, either.
func notFound(req getRequest, description string) error {
	if req.MultiLast != nil && description != "No Results" {
		return errIncomplete
	}
	return errNotFound
}

// stored is a message as the stream's leader has it.
type stored struct {
	Subject string
	Seq     uint64
	Time    time.Time
	Header  nats.Header
	Data    []byte
}

// askLeader returns the message of a stream that the request names. errNotFound: there is none.
func (b *store) askLeader(ctx context.Context, stream string, req getRequest) (stored, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return stored{}, err
	}
	reply, err := b.main.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+stream, body)
	if err != nil {
		return stored{}, err
	}
	var got struct {
		Message *struct {
			Subject string    `json:"subject"`
			Seq     uint64    `json:"seq"`
			Time    time.Time `json:"time"`
			Header  []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
		} `json:"message"`
		Error *struct {
			Code        int    `json:"code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(reply.Data, &got); err != nil {
		return stored{}, err
	}
	switch m := got.Message; {
	case got.Error != nil && got.Error.Code == 404:
		return stored{}, errNotFound
	case got.Error != nil:
		return stored{}, errors.New(got.Error.Description)
	case m == nil:
		return stored{}, errors.New("the server's answer has no message")
	default:
		var h nats.Header
		if len(m.Header) > 0 {
			if h, err = nats.DecodeHeadersMsg(m.Header); err != nil {
				return stored{}, fmt.Errorf("headers of an entry: %w", err)
			}
		}
		return stored{m.Subject, m.Seq, m.Time, h, m.Data}, nil
	}
}

// Heads implements driver.Rooms.
func (b *Driver) Heads(ctx context.Context, rooms []string) ([]bus.Head, error) {
	heads, err := b.lasts(ctx, rooms)
	if err != nil {
		return nil, err
	}
	// asked first: the mark covers what retention takes before the answer
	front, err := b.mark(ctx, trimmedName)
	for i := range heads {
		heads[i].Front = front
	}
	return heads, err
}

// lasts returns the rooms' last entries.
func (b *store) lasts(ctx context.Context, rooms []string) ([]bus.Head, error) {
	var fence uint64 // 0: none is needed
	if b.cfg.Replicas > 1 {
		var err error
		if fence, err = b.fences.pass(ctx); err != nil {
			return nil, err
		}
	}
	req := getRequest{MultiLast: make([]string, len(rooms)), MaxBytes: getBytes}
	for i, r := range rooms {
		req.MultiLast[i] = b.names.room(r)
	}
	if fence != 0 {
		// so that the answer is never "not found"
		req.MultiLast = append(req.MultiLast, b.names.fence)
	}
	last := make(map[string]bus.Position, len(rooms))
	for {
		got, err := b.get(ctx, b.names.stream, req)
		if errors.Is(err, errNotFound) {
			through, err := b.noLasts(ctx, req)
			if err != nil {
				return nil, err
			}
			return headsOf(rooms, last, through), nil
		}
		if err != nil {
			return nil, err
		}
		if got.upTo < fence {
			return nil, errIncomplete // this replica is behind
		}
		for _, m := range got.msgs {
			e, err := b.names.fetched(m)
			if err != nil {
				continue // the fence
			}
			last[e.Room] = bus.Position{Seq: e.Seq, ID: e.ID}
			req.Seq = e.Seq + 1
		}
		if got.pending == 0 {
			return headsOf(rooms, last, got.upTo), nil
		}
		req.UpTo = got.upTo // the answer was cut by its size: get the rest as of the same time
	}
}

// headsOf returns the head of each room, of which one may be there twice.
func headsOf(rooms []string, last map[string]bus.Position, through uint64) []bus.Head {
	heads := make([]bus.Head, len(rooms))
	for i, r := range rooms {
		heads[i] = bus.Head{Position: last[r], Through: through}
	}
	return heads
}

// noLasts answers for rooms of which none has an entry. It finds out how far that is true.
func (b *store) noLasts(ctx context.Context, req getRequest) (uint64, error) {
	if req.Seq != 0 { // the rest of a cut answer has been removed
		return req.UpTo, nil
	}
	info, err := b.js.Stream(ctx, b.names.stream)
	if err != nil {
		return 0, err
	}
	if _, err := b.get(ctx, b.names.stream, req); !errors.Is(err, errNotFound) {
		return 0, cmp.Or(err, errIncomplete) // an entry was appended meanwhile: ask again
	}
	return info.CachedInfo().State.LastSeq, nil
}
