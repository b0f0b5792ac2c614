package daemon

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// askedOf parts the arguments of a program from what they ask of the process that runs with the
// same others: nil, if it is nothing. question is called with the address of its ops port.
func askedOf(args []string) (others []string, question func(ops string) error) {
	n := len(args)
	switch {
	case n > 0 && args[n-1] == "healthcheck":
		return args[:n-1], func(ops string) error {
			why, ok, err := ask(ops, http.MethodGet, "/readyz", nil)
			if err == nil && !ok {
				err = fmt.Errorf("not ready: %s", why)
			}
			return err
		}
	case n > 1 && args[n-2] == "loglevel":
		level := args[n-1]
		return args[:n-2], func(ops string) error {
			why, ok, err := ask(ops, http.MethodPut, "/loglevel", url.Values{"level": {level}})
			if err == nil && !ok {
				err = fmt.Errorf("loglevel: %s", why)
			}
			return err
		}
	}
	return args, nil
}

// ask asks the process whose ops port is addr, on this machine. It returns the text of the answer
// and whether the process agreed.
func ask(addr, method, path string, form url.Values) (answer string, ok bool, err error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", false, fmt.Errorf("--ops-listen: %w", err)
	}
	r, err := http.NewRequest(method, "http://"+net.JoinHostPort("127.0.0.1", port)+path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", false, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := &http.Client{Timeout: checkTimeout + time.Second}
	a, err := client.Do(r)
	if err != nil {
		return "", false, err
	}
	defer a.Body.Close()
	text, err := io.ReadAll(io.LimitReader(a.Body, 4<<10))
	return strings.TrimSpace(string(text)), a.StatusCode == http.StatusOK, err
}
