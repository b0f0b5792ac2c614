package edge

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"hubbub.internal/libs/api/httpapi"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/clientaddr"
	"hubbub.internal/services/edge/internal/conn"
)

// Config is what an edge can be told. Sizes are in bytes.
type Config struct {
	Listen  string   `help:"${listen_help=Public address, for WebSockets and HTTP.}" default:"${listen=:8080}" placeholder:"HOST:PORT"`
	EdgeID  string   `help:"Name of this edge to the presence service, 1 to 64 characters of A-Z, a-z, 0-9, _ and -; best the same after a restart. Empty: a new one at each start." placeholder:"ID"`
	Loops   int      `help:"Event loops (0 to 64). 0: one for each core." default:"0"`
	Origins []string `help:"Origins of pages of other sites that may use this server, such as https://www.example.org; * for any. Empty: over HTTP only the server's own pages, and by WebSocket any with a token." placeholder:"ORIGIN"`

	BasePath string `help:"Path under which everything is served, such as /chat/. Requests without it are answered, too, so the proxy in front may strip it or pass it on." default:"/" placeholder:"PATH"`

	TrustedProxies []string `help:"Networks of the proxies in front, such as 10.0.0.0/8. Their X-Forwarded-For, or else X-Real-IP, names the client; headers of anybody else are ignored." placeholder:"CIDR"`

	Heartbeat      time.Duration `help:"How often this edge sends a heartbeat to the presence service (100ms to 1m); give that the same value." default:"${edge_heartbeat=5s}"`
	MaxSockets     int           `help:"WebSockets at the same time (1 or more), as far as the limit of open files allows; more are closed with 4004." default:"1000000"`
	MaxSocketsIP   int           `name:"max-sockets-per-ip" help:"WebSockets of one IPv4 address or IPv6 /64 at the same time; more are closed with 4004. 0: any number." default:"0"`
	MaxSocketsUser int           `name:"max-sockets-per-user" help:"WebSockets of one user on this edge at the same time; more are closed with 4506. 0: any number." default:"100"`
	MaxFrame       int           `help:"Size of a client's message (bytes, 1024 to 1048576); a longer one is closed with 1009." default:"65536"`
	MaxText        int           `help:"Size of a text in UTF-8 (bytes, 1 to max-frame)." default:"16384"`
	MaxRooms       int           `help:"Rooms that one socket may be in (1 to 10000)." default:"500"`
	Rate           int           `help:"Commands that a socket may send, sustained (per second, 1 to 1000000)." default:"20"`
	Burst          int           `help:"Commands that a socket may send at once (1 to 1000000); as many joins as rooms are free." default:"100"`
	UserRate       int           `help:"Commands that a user may send over all of their sockets on this edge, sustained (per second, to 1000000). 0: any number." default:"100"`
	UserBurst      int           `help:"Commands that a user may send at once (1 to 1000000)." default:"500"`
	UserBytes      int64         `help:"Text that a user may send on this edge in a day, plus 200 bytes for each message (bytes, to 1099511627776). 0: any amount." default:"67108864"`
	GuestBytes     int64         `help:"The same for a guest. 0: any amount." default:"4194304"`
	MaxPending     int           `help:"Messages of one socket that wait to be acknowledged (1 to 10000)." default:"64"`
	MaxBuffers     int           `help:"Memory for incomplete frames and unsent output, of all sockets (bytes, 1 MiB or more)." default:"268435456"`
	MaxOutstanding int           `help:"Unsent output of one socket (bytes, 64 KiB or more); beyond it the socket is closed with 4001." default:"8388608"`
	RingBytes      int           `help:"Memory for the latest frames of each busy room (bytes, 4096 or more). A socket that falls further behind is closed with 4001." default:"1048576"`
	RingEntries    int           `help:"The same as a number of frames (16 or more)." default:"4096"`
	Deflate        int           `help:"Size from which messages of rooms are compressed for clients that offer permessage-deflate (bytes, 1 or more). 0: none, and the extension is declined." default:"512"`
	Handshake      time.Duration `name:"handshake-timeout" help:"Time for the upgrade request to arrive (100ms to 1m)." default:"5s"`
	Hello          time.Duration `name:"hello-timeout" help:"Time from the upgrade to hello (100ms to 1m)." default:"10s"`
	Ping           time.Duration `name:"ping-after" help:"Silence after which a socket is pinged (100ms to 90s)." default:"25s"`
	Idle           time.Duration `name:"idle-timeout" help:"Silence after which a socket is closed with 4002 (longer than ping-after, to 100s)." default:"60s"`
	Write          time.Duration `name:"write-timeout" help:"Time that a socket may accept no output before it is closed with 4001 (100ms to 90s)." default:"10s"`
	Coalesce       time.Duration `help:"Longest time that a message waits for others, so that they share a write, if its room had one just before (0s to 10ms). 0: no wait." default:"2ms"`
	Away           time.Duration `name:"away-after" help:"Time without a command after which a user is shown as idle, give or take idle-timeout (100ms to 24h). 0: never." default:"5m"`
	Drain          time.Duration `help:"Time over which the process closes its sockets when it stops (0s to 10m)." default:"30s"`

	// NetConn drives connections by net.Conn with goroutines also where there is epoll. For tests.
	NetConn bool `kong:"-"`
}

// Validate returns what is wrong with the configuration, in a sentence for each.
func (c *Config) Validate() error {
	var errs []error
	between := func(flag string, v, low, high int) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("--%s is %d; it has to be %d to %d", flag, v, low, high))
		}
	}
	lasts := func(flag string, v, low, high time.Duration) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("--%s is %s; it has to be %s to %s", flag, v, low, high))
		}
	}
	const huge = 1 << 40
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, fmt.Errorf("--listen is %q; it has to be host:port or :port: %w", c.Listen, err))
	}
	if c.EdgeID != "" && !chat.ValidID(c.EdgeID) {
		errs = append(errs, fmt.Errorf("--edge-id is %.80q; it has to be 1 to 64 characters of A-Z, a-z, 0-9, _ and -", c.EdgeID))
	}
	if err := (&httpapi.Cross{Origins: c.Origins}).Validate(); err != nil {
		errs = append(errs, err)
	}
	if _, err := clientaddr.Parse(c.TrustedProxies); err != nil {
		errs = append(errs, fmt.Errorf("--trusted-proxies: %w", err))
	}
	if !goodBase.MatchString(c.BasePath) {
		errs = append(errs, fmt.Errorf("--base-path is %.80q; it has to be / or like /chat/, of letters, digits, and . _ ~ -", c.BasePath))
	}
	between("loops", c.Loops, 0, conn.MaxShards)
	between("max-sockets", c.MaxSockets, 1, huge)
	between("max-sockets-per-ip", c.MaxSocketsIP, 0, huge)
	between("max-sockets-per-user", c.MaxSocketsUser, 0, huge)
	between("max-frame", c.MaxFrame, 1<<10, 1<<20)
	between("max-text", c.MaxText, 1, c.MaxFrame)
	between("max-rooms", c.MaxRooms, 1, 10_000)
	between("rate", c.Rate, 1, 1_000_000)
	between("burst", c.Burst, 1, 1_000_000)
	between("user-rate", c.UserRate, 0, 1_000_000)
	between("user-burst", c.UserBurst, 1, 1_000_000)
	between("user-bytes", int(c.UserBytes), 0, huge)
	between("guest-bytes", int(c.GuestBytes), 0, huge)
	between("max-pending", c.MaxPending, 1, 10_000)
	between("max-buffers", c.MaxBuffers, 1<<20, huge)
	between("max-outstanding", c.MaxOutstanding, 64<<10, huge)
	between("ring-bytes", c.RingBytes, 4<<10, 1<<30)
	between("ring-entries", c.RingEntries, 16, 1<<24)
	between("deflate", c.Deflate, 0, huge)
	const least = 100 * time.Millisecond
	lasts("heartbeat", c.Heartbeat, least, time.Minute)
	lasts("handshake-timeout", c.Handshake, least, time.Minute)
	lasts("hello-timeout", c.Hello, least, time.Minute)
	lasts("ping-after", c.Ping, least, 90*time.Second)
	lasts("idle-timeout", c.Idle, c.Ping+least, 100*time.Second)
	lasts("write-timeout", c.Write, least, 90*time.Second)
	lasts("coalesce", c.Coalesce, 0, 10*time.Millisecond)
	if c.Away != 0 {
		lasts("away-after", c.Away, least, 24*time.Hour)
	}
	lasts("drain", c.Drain, 0, 10*time.Minute)
	return errors.Join(errs...)
}

// goodBase is what a base path may be; empty stands for /.
var goodBase = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$`)

// Base returns the path that everything is under, without a slash at its end: empty for /.
func (c *Config) Base() string { return strings.TrimSuffix(c.BasePath, "/") }

// defaultSockets is the default of MaxSockets, which asks for no number in particular.
const defaultSockets = 1_000_000

// spareFiles is how many files an edge needs besides its clients' sockets: connections to the bus,
// listeners, requests over HTTP. Where the limit is low, they get a quarter of it.
const spareFiles = 500

// socketsWithin returns how many sockets a limit of open files allows.
func socketsWithin(files int) int { return max(1, files-min(spareFiles, files/4)) }

// newEdgeID names an edge after its host, for people who look, and differently at each start, so
// that edges of one host are told apart.
func newEdgeID() string {
	host, err := os.Hostname()
	if err != nil {
		host = "edge"
	}
	clean := strings.Map(func(r rune) rune {
		if r < 128 && chat.ValidID(string(r)) {
			return r
		}
		return '-'
	}, host)
	return clean[:min(len(clean), 20)] + "-" + chat.NewID()
}
