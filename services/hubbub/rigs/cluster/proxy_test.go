package cluster

import (
	"bufio"
	"fmt"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers every line with itself.
func echo(t *testing.T) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for s := bufio.NewScanner(c); s.Scan(); {
					fmt.Fprintln(c, s.Text())
				}
			}()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-done })
	return ln.Addr().String()
}

func TestProxy(t *testing.T) {
	p, err := NewProxy(echo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	dial := func() (net.Conn, *bufio.Scanner) {
		c, err := net.Dial("tcp", p.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		return c, bufio.NewScanner(c)
	}
	c, lines := dial()
	expect := func(what string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != what {
			t.Errorf("%q, %v, want %q", lines.Text(), lines.Err(), what)
		}
	}
	fmt.Fprintln(c, "one")
	expect("one")

	p.Partition()
	fmt.Fprintln(c, "two")
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("data passes a partition")
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	p.Heal()
	lines = bufio.NewScanner(c)
	expect("two")

	p.Delay(30 * time.Millisecond)
	began := time.Now()
	fmt.Fprintln(c, "three")
	expect("three")
	if took := time.Since(began); took < 60*time.Millisecond {
		t.Errorf("a round trip took %s, with a delay of 30 ms each way", took)
	}

	p.Cut()
	if lines.Scan() {
		t.Error("a connection outlives a cut")
	}
	if _, cut := dial(); cut.Scan() {
		t.Error("a connection can be made to a proxy that is cut")
	}
	p.Heal()
	c, lines = dial()
	fmt.Fprintln(c, "four")
	expect("four")
}
