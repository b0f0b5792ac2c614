package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"hubbub.internal/libs/chat"
)

// maxBody is the greatest answer that is read, in bytes: a page of the longest messages fits.
const maxBody = 16 << 20

// API is the HTTP side of a Hubbub server. It keeps no state; its methods may be called from any
// number of goroutines. An error wraps a *chat.Error if the server answered.
type API struct {
	base string
	http *http.Client
}

// NewAPI returns the API at an address such as http://localhost:9080, to which /v1 is appended. A
// nil http takes http.DefaultClient.
func NewAPI(base string, client *http.Client) *API {
	if client == nil {
		client = http.DefaultClient
	}
	return &API{base: strings.TrimSuffix(base, "/"), http: client}
}

// User is a user as the directory knows them.
type User struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Guest bool   `json:"guest"`
}

// Grant is the right to act as a user for a while.
type Grant struct {
	Token   string `json:"token"`
	Expires int64  `json:"expires_at"`    // UTC milliseconds, by the server's clock
	Life    int64  `json:"expires_in"`    // seconds from receipt to Expires; 0: not known
	Refresh string `json:"refresh_token"` // good once, for the next Grant
	User    User   `json:"user"`
}

// Register makes a user with a password.
func (a *API) Register(ctx context.Context, name, password string) (*Session, error) {
	return a.open(ctx, "/v1/register", map[string]string{"name": name, "password": password})
}

// Login takes a user's name and password.
func (a *API) Login(ctx context.Context, name, password string) (*Session, error) {
	return a.open(ctx, "/v1/login", map[string]string{"name": name, "password": password})
}

// Guest makes a user without a password.
func (a *API) Guest(ctx context.Context, name string) (*Session, error) {
	return a.open(ctx, "/v1/guest", map[string]string{"name": name})
}

func (a *API) open(ctx context.Context, path string, body any) (*Session, error) {
	var g Grant
	if err := a.call(ctx, http.MethodPost, path, "", body, &g); err != nil {
		return nil, err
	}
	return newSession(a, g), nil
}

// Resume returns a Session of a refresh token that was kept.
func (a *API) Resume(ctx context.Context, refresh string) (*Session, error) {
	return a.open(ctx, "/v1/refresh", map[string]string{"refresh_token": refresh})
}

// Session returns a Session of a grant that was made elsewhere, at an unknown time: its Expires
// counts. Without a refresh token it ends with its access token.
func (a *API) Session(g Grant) *Session {
	g.Life = 0
	return newSession(a, g)
}

// call sends a request and decodes the answer into reply, which may be nil.
func (a *API) call(ctx context.Context, method, path, token string, body, reply any) error {
	if err := a.roundTrip(ctx, method, path, token, body, reply); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

func (a *API) roundTrip(ctx context.Context, method, path, token string, body, reply any) error {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, sent)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return err
	case len(b) > maxBody:
		return errors.New("the answer is too long")
	case resp.StatusCode >= 300:
		return problem(resp.StatusCode, b)
	case reply == nil:
		return nil
	}
	if err := json.Unmarshal(b, reply); err != nil {
		return fmt.Errorf("decode the answer: %w", err)
	}
	return nil
}

// problem returns the error of an RFC 9457 problem.
func problem(status int, body []byte) *chat.Error {
	var p struct {
		Title, Detail, Code string
		RetryAfterMS        int64 `json:"retry_after_ms"`
	}
	// a proxy in between answers in its own way: only its status is certain
	_ = json.Unmarshal(body, &p)
	e := &chat.Error{Code: p.Code, Message: p.Detail, RetryAfter: time.Duration(p.RetryAfterMS) * time.Millisecond}
	if e.Message == "" {
		e.Message = p.Title
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("the server answered with status %d %s", status, http.StatusText(status))
	}
	if e.Code == "" {
		e.Code = codeOf(status)
	}
	return e
}

func codeOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return chat.CodeUnauthorized
	case http.StatusForbidden:
		return chat.CodeForbidden
	case http.StatusNotFound:
		return chat.CodeNotFound
	case http.StatusConflict:
		return chat.CodeConflict
	case http.StatusRequestEntityTooLarge:
		return chat.CodeTooLarge
	case http.StatusTooManyRequests:
		return chat.CodeRateLimited
	}
	if status >= 500 {
		return chat.CodeUnavailable
	}
	return chat.CodeBadRequest
}
