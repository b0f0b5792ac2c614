package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/client"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// testBannedFromRoom bans somebody from a room whose socket is in it: it is put out of the room at
// once, and does not come back.
func testBannedFromRoom(s *stage) {
	owner, out := s.people[0][0], s.people[1][0]
	room := owner.createRoom("a room with a ban", false)
	owner.join(room)
	out.join(room)
	eventually(s.t, "both are there", func() bool { return len(owner.presence(room)) == 2 })
	s.ban(owner.session, "/v1/rooms/"+room+"/bans/"+out.id)
	eventually(s.t, "the banned is put out", func() bool { return slices.Equal(owner.presence(room), []string{owner.name}) })
	if err := out.tryJoin(room); chat.CodeOf(err) != chat.CodeForbidden {
		s.t.Errorf("the banned joins again: %v", err)
	}
	if _, err := out.trySend(room, "let me in"); err == nil {
		s.t.Error("the banned sent a message")
	}
}

// testBannedFromServer bans somebody with a socket on every edge. All of them are closed, and the
// token that has long to live opens nothing any more: also not where a process is so new that it
// cannot have been told.
func testBannedFromServer(s *stage) {
	banned := newAccount(s.t, s.c.URL, "banned")
	var sockets []*person
	for e := range stageEdges {
		sockets = append(sockets, s.comes(banned, e))
	}
	s.agree(claim{what: "somebody has a socket on every edge", within: clean})
	token, err := banned.session.Token(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.ban(s.operator, "/v1/bans/"+banned.id)
	for e, p := range sockets {
		select {
		case <-p.client.Done():
		case <-p.ctx().Done():
			s.t.Fatalf("edge %d keeps the socket of somebody who is banned", e+1)
		}
		s.goes(p, e)
	}
	s.agree(claim{what: "somebody is banned from the server", within: clean})
	asked := func() []func() answer {
		asks := []func() answer{
			s.asks(token, s.c.Process("history"), "/v1/rooms/"+s.room+"/messages"),
			s.asks(token, s.c.Process("directory"), "/v1/rooms"),
		}
		for i := range stageReplicas {
			asks = append(asks, s.asks(token, s.replica(i), "/v1/rooms/"+s.room+"/presence"))
		}
		for e := range stageEdges {
			asks = append(asks, s.says(token, s.edge(e)))
		}
		return asks
	}()
	for i, ask := range asked {
		eventually(s.t, fmt.Sprintf("the banned is refused by service %d", i), func() bool { return ask() == refused })
	}

	begun := time.Now()
	var wait sync.WaitGroup
	defer wait.Wait() // also when a process does not start
	var services []*cluster.Process
	for _, p := range s.c.All() {
		if s.c.Link(p.Name) != nil {
			p.Kill()
			services = append(services, p)
		}
	}
	for _, ask := range asked {
		wait.Go(func() {
			for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
				switch ask() {
				case refused:
					return
				case let:
					s.t.Error("a new process has let in who is banned")
					return
				}
			}
			s.t.Error("a new process does not answer")
		})
	}
	s.start(services...)
	wait.Wait()
	s.agree(claim{what: "every service is killed and started", since: begun, within: unclean})
}

// answer is how somebody who asks for something fares.
type answer int

const (
	unknown answer = iota // nobody answers, or it is to be tried again
	refused               // for good
	let                   // it is given
)

// asks returns what asks a service for a path.
func (s *stage) asks(token string, p *cluster.Process, path string) func() answer {
	return func() answer {
		r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+p.Addr+path, nil)
		if err != nil {
			return unknown
		}
		r.Header.Set("Authorization", "Bearer "+token)
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			return unknown
		}
		defer reply.Body.Close()
		switch reply.StatusCode {
		case http.StatusOK:
			return let
		case http.StatusUnauthorized, http.StatusForbidden: // the directory says also why
			return refused
		}
		return unknown
	}
}

// says returns what says hello to an edge.
func (s *stage) says(token string, edge *cluster.Process) func() answer {
	return func() answer {
		conn, err := client.DialConn(s.t.Context(), "ws://"+edge.Addr+"/v1/ws", client.ConnConfig{})
		if err != nil {
			return unknown
		}
		defer conn.Close(wire.CloseNormal)
		if conn.NetConn().SetDeadline(time.Now().Add(patience)) != nil ||
			conn.WriteText([]byte(strings.ReplaceAll(`{"type":"hello","version":1,"token":"TOKEN"}`, "TOKEN", token))) != nil {
			return unknown
		}
		for {
			data, err := conn.Read()
			var end *client.CloseError
			switch {
			case errors.As(err, &end) && end.Code == wire.CloseRevoked:
				return refused
			case err != nil:
				return unknown
			}
			if e, err := wire.DecodeEvent(data); err == nil && e.Type == wire.EventWelcome {
				return let
			}
		}
	}
}
