package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	directoryapi "hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
)

// Listen makes the socket in a data folder. Only the user who runs the process can use it, because
// only that user may read the folder.
func Listen(data string) (net.Listener, error) {
	path := filepath.Join(data, Socket)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the socket of a process that was killed: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("socket for hubbub admin: %w; its path may have about 100 characters, so choose a shorter --data", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("socket for hubbub admin: %w", err)
	}
	return l, nil
}

// Serve answers on a socket until ctx ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadTimeout: timeout, WriteTimeout: timeout, IdleTimeout: time.Minute}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = s.Close() // requests under way still take effect: see the directory's changes
	})
	err := s.Serve(l)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("socket for hubbub admin: %w", err)
}

// throughSocket returns an Asker for the process that listens on a socket.
func throughSocket(path string) Asker {
	return func(ctx context.Context, r directoryapi.AdminRequest) (reply directoryapi.AdminReply, err error) {
		client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}, DisableKeepAlives: true}}
		body, err := json.Marshal(r)
		if err != nil {
			return reply, fmt.Errorf("encode: %w", err)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://hubbub/", bytes.NewReader(body))
		if err != nil {
			return reply, fmt.Errorf("ask through %s: %w", path, err)
		}
		req.Header.Set("Content-Type", "application/json")
		answer, err := client.Do(req)
		if err != nil {
			return reply, fmt.Errorf("nobody answers at %s: is hubbub up running? If so, run this command as the same user: %w", path, err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			var p struct {
				Code   string
				Detail string
			}
			if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
				return reply, fmt.Errorf("hubbub up answered %s", answer.Status)
			}
			return reply, chat.E(p.Code, p.Detail)
		}
		if err := json.NewDecoder(answer.Body).Decode(&reply); err != nil {
			return reply, fmt.Errorf("the answer of hubbub up: %w", err)
		}
		return reply, nil
	}
}
