package redisbus

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/redis/go-redis/v9"
)

// dialOnce returns a client that makes only one connection in its life, and a function that closes
// it. So the library cannot reconnect by itself, and a blocked read can be ended.
func (b *servers) dialOnce(addr string) (client *redis.Client, hangUp func()) {
	var mu sync.Mutex
	var conn net.Conn
	var used, cut bool
	o := *b.clients.options
	o.Addr = addr
	dial := redis.NewDialer(&o)
	o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		spent := used || cut
		used = true
		mu.Unlock()
		if spent {
			return nil, errors.New("this session is over")
		}
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		mu.Lock()
		defer mu.Unlock()
		if cut {
			c.Close()
			return nil, net.ErrClosed
		}
		conn = c
		return c, nil
	}
	return redis.NewClient(&o), func() {
		mu.Lock()
		defer mu.Unlock()
		cut = true
		if conn != nil {
			conn.Close()
		}
	}
}
