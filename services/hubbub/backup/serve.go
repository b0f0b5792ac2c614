package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"hubbub.internal/services/hubbub/admin"
)

// Path is where Handler is served on the socket of a `hubbub up`.
const Path = "/backup"

// reasonTrailer is the trailer that says why a backup is incomplete.
const reasonTrailer = "Hubbub-Reason"

// Handler answers requests with a backup of s. Serve it only on a socket that nobody but the user
// of this process can use.
func Handler(s Source, log *zap.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wait, err := time.ParseDuration(r.FormValue("wait"))
		if err != nil {
			http.Error(w, "wait: "+err.Error(), http.StatusBadRequest)
			return
		}
		// copying may take any time
		if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Trailer", reasonTrailer)
		w.Header().Set("Content-Type", "application/gzip")
		began := time.Now()
		body := &counted{w: w}
		err = s.Write(r.Context(), body, wait)
		switch {
		case err == nil:
			log.Info("made a backup", zap.Int64("bytes", body.n), zap.Duration("took", time.Since(began)))
		case body.n == 0:
			log.Warn("could not make a backup", zap.Error(err))
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		default:
			log.Warn("could not finish a backup", zap.Error(err))
			w.Header().Set(reasonTrailer, strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	})
}

// counted counts the bytes written.
type counted struct {
	w io.Writer
	n int64
}

// Write implements io.Writer.
func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err //nolint:wrapcheck // it is that writer
}

// errNobody says that no process listens on the socket.
var errNobody = errors.New("nobody listens")

// throughSocket asks the `hubbub up` in a data folder for a backup and copies it to w. errNobody:
// none runs there.
func throughSocket(ctx context.Context, data string, w io.Writer, wait time.Duration) error {
	path := filepath.Join(data, admin.Socket)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}, DisableKeepAlives: true, DisableCompression: true}}
	form := url.Values{"wait": {wait.String()}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://hubbub"+Path, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("ask through %s: %w", path, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := client.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) {
		return errNobody
	}
	if err != nil {
		return fmt.Errorf("ask hubbub up through %s, as the same user: %w", path, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
		if answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusMethodNotAllowed {
			return errors.New("the running hubbub up is of a release without backups: upgrade it first")
		}
		return errors.New(strings.TrimSpace(string(why)))
	}
	_, err = io.Copy(w, answer.Body)
	if reason := answer.Trailer.Get(reasonTrailer); reason != "" {
		return errors.New(reason)
	}
	if err != nil {
		return fmt.Errorf("hubbub up has not finished the backup: %w", err)
	}
	return nil
}
