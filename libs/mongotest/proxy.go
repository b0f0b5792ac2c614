package mongotest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// Proxy stands between clients and a server, one process away from it as everybody. It knows which
// commands were asked, so how many round trips something takes, and can become a network that has
// lost its connections without a word.
type Proxy struct {
	URL string // leads to the server through the proxy

	server string
	listen net.Listener
	wait   sync.WaitGroup

	mu       sync.Mutex
	links    map[*link]bool
	commands []string
	queries  []Query
	refused  map[string]bool
}

// link is a connection of a client, and the one to the server that it goes on.
type link struct {
	client, server net.Conn
	lost           bool // guarded by Proxy.mu: nothing goes through any more
}

// NewProxy starts a proxy to the server of a URL. It ends with the test.
func NewProxy(t testing.TB, to string) *Proxy {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{server: u.Host, links: make(map[*link]bool)}
	if p.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u.Host = p.listen.Addr().String()
	p.URL = u.String()
	p.wait.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Commands returns the names of the commands that were asked since the last call, but for those
// with which a driver watches the server.
func (p *Proxy) Commands() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.commands
	p.commands = nil
	return all
}

// Connections returns how many connections there are that are not lost.
func (p *Proxy) Connections() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		if !l.lost {
			n++
		}
	}
	return n
}

// Refuse has all commands of some names refused, as from a user who may not do that; none: no
// command is refused any more. They do not reach the server.
func (p *Proxy) Refuse(commands ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused = make(map[string]bool)
	for _, name := range commands {
		p.refused[name] = true
	}
}

// refusal answers a message as a server does whose user lacks a role (error code 13).
func refusal(message []byte, name string) ([]byte, error) {
	document, err := bson.Marshal(bson.D{
		{Key: "ok", Value: 0}, {Key: "code", Value: 13}, {Key: "codeName", Value: "Unauthorized"},
		{Key: "errmsg", Value: "not authorized to execute command " + name},
	})
	if err != nil {
		return nil, err
	}
	_, request, _, _, _, _ := wiremessage.ReadHeader(message)
	start, answer := wiremessage.AppendHeaderStart(nil, 0, request, wiremessage.OpMsg)
	answer = wiremessage.AppendMsgSectionType(wiremessage.AppendMsgFlags(answer, 0), wiremessage.SingleDocument)
	answer = append(answer, document...)
	return bsoncore.UpdateLength(answer, start, int32(len(answer))), nil
}

// Lose loses all connections that there are: nothing goes through them any more, in no direction,
// and neither end is told. New ones are taken as before.
func (p *Proxy) Lose() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.lost = true
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listen.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{client: client, server: server}
		p.mu.Lock()
		p.links[l] = true
		p.mu.Unlock()
		p.wait.Go(func() { p.requests(l) })
		p.wait.Go(func() { p.pass(l, client, server) })
	}
}

// requests passes a client's messages on, until an end closes.
func (p *Proxy) requests(l *link) {
	defer p.end(l)
	for {
		head := make([]byte, 16)
		if _, err := io.ReadFull(l.client, head); err != nil {
			return
		}
		size, _, _, _, _, ok := wiremessage.ReadHeader(head)
		if !ok || int(size) < len(head) {
			return
		}
		message := slices.Grow(head, int(size)-len(head))[:size]
		if _, err := io.ReadFull(l.client, message[len(head):]); err != nil {
			return
		}
		name, document, err := command(message)
		if err != nil {
			return
		}
		p.mu.Lock()
		lost := l.lost
		if name != "" && !lost {
			p.commands = append(p.commands, name)
		}
		if name == "find" && !lost {
			p.queries = append(p.queries, queryOf(document))
		}
		refused := p.refused[name]
		p.mu.Unlock()
		if lost {
			continue
		}
		to := l.server
		if refused {
			to = l.client
			if message, err = refusal(message, name); err != nil {
				return
			}
		}
		if _, err := to.Write(message); err != nil {
			return
		}
	}
}

// pass passes a server's answers on, until an end closes.
func (p *Proxy) pass(l *link, to io.Writer, from io.Reader) {
	defer p.end(l)
	for b := make([]byte, 64<<10); ; {
		n, err := from.Read(b)
		p.mu.Lock()
		lost := l.lost
		p.mu.Unlock()
		if lost {
			return // and the client is not told: see end
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// end closes both ends of a link, but of a lost one the server's alone.
func (p *Proxy) end(l *link) {
	_ = l.server.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !l.lost {
		_ = l.client.Close()
		delete(p.links, l)
	}
}

func (p *Proxy) close() {
	_ = p.listen.Close()
	p.mu.Lock()
	for l := range p.links {
		_ = errors.Join(l.client.Close(), l.server.Close())
	}
	p.mu.Unlock()
	p.wait.Wait()
}

// command returns the name of the command that a message of the wire protocol carries: its first
// field, and the command. It is empty for those of a driver that watches a server.
func command(message []byte) (string, bson.Raw, error) {
	_, _, _, op, rest, ok := wiremessage.ReadHeader(message)
	if !ok || op != wiremessage.OpMsg {
		return "", nil, nil // the first hello of a connection
	}
	_, rest, ok1 := wiremessage.ReadMsgFlags(rest)
	kind, rest, ok2 := wiremessage.ReadMsgSectionType(rest)
	if !ok1 || !ok2 || kind != wiremessage.SingleDocument {
		return "", nil, fmt.Errorf("a message that begins with a section of kind %d", kind)
	}
	document, _, ok := wiremessage.ReadMsgSectionSingleDocument(rest)
	if !ok {
		return "", nil, errors.New("a message without a document")
	}
	first, err := document.IndexErr(0)
	if err != nil {
		return "", nil, err
	}
	switch name := first.Key(); name {
	case "hello", "isMaster", "ismaster", "ping", "endSessions":
		return "", nil, nil
	default:
		return name, bson.Raw(document), nil
	}
}
