package hubbub_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hubbub.internal/libs/daemon"
	"hubbub.internal/services/hubbub/rigs/cluster"
)

// configuration is where the reference of all options is. `make docs` writes it, with this variable
// set.
const (
	configuration = "docs/configuration.md"
	updateDocs    = "HUBBUB_UPDATE_DOCS"
)

// TestConfigurationIsDocumented holds that the reference has exactly the options that the programs
// have.
func TestConfigurationIsDocumented(t *testing.T) {
	t.Parallel()
	services := []string{"edge", "history", "presence", "notify", "directory"}
	bin, err := cluster.Bin(t.Context(), "", append(services, "hubbub")...)
	if err != nil {
		t.Fatal(err)
	}
	options := map[string][]daemon.Option{}
	for _, name := range append(services, "hubbub") {
		out, err := exec.CommandContext(t.Context(), filepath.Join(bin, name), "options").Output()
		if err != nil {
			t.Fatalf("options of %s: %v", name, err)
		}
		var all []daemon.Option
		if err := json.Unmarshal(out, &all); err != nil {
			t.Fatalf("options of %s: %v", name, err)
		}
		options[name] = all
	}
	want := reference(services, options)
	path := filepath.Join(root, configuration)
	if os.Getenv(updateDocs) != "" {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s is not current: run `make docs`", configuration)
	}
}

func reference(services []string, options map[string][]daemon.Option) []byte {
	var b bytes.Buffer
	b.WriteString(`# Configuration

Every option of every program. This file is written by ` + "`make docs`" + ` from the flags themselves; a
test holds that it is current.

A flag on the command line goes before its variable, the variable before a file, the file before the
default. The file is the one that the same variable with ` + "`_FILE`" + ` at its end names, so that no secret
has to be in the environment: ` + "`HUBBUB_BUS_FILE=/run/secrets/redis_url`" + `. A value that cannot be meant
ends the program at its start, with exit code 2 and a sentence that names the flag, the value and
what it has to be. A time is written like 1m30s; a list has commas. The variables of nginx and of
the compose files are in [Running Hubbub](operate.md#variables).
`)
	var common []daemon.Option
	for _, o := range options[services[0]] {
		everywhere := true
		for _, s := range services[1:] {
			everywhere = everywhere && slices.Contains(options[s], o)
		}
		if everywhere {
			common = append(common, o)
		}
	}
	table(&b, "Every service", "What edge, history, presence, notify and directory have in common.", common)
	for _, s := range services {
		own := slices.DeleteFunc(slices.Clone(options[s]), func(o daemon.Option) bool { return slices.Contains(common, o) })
		table(&b, s, "", own)
	}
	up := slices.DeleteFunc(slices.Clone(options["hubbub"]), func(o daemon.Option) bool { return o.Command != "up" })
	table(&b, "hubbub up", "Everything in one process. Its other commands tell their options by `--help`.", up)
	return b.Bytes()
}

func table(b *bytes.Buffer, title, what string, options []daemon.Option) {
	fmt.Fprintf(b, "\n## %s\n\n", title)
	if what != "" {
		fmt.Fprintf(b, "%s\n\n", what)
	}
	b.WriteString("| flag | variable | default | what |\n|---|---|---|---|\n")
	code := func(s string) string {
		if s == "" {
			return ""
		}
		return "`" + s + "`"
	}
	escape := strings.NewReplacer("|", "\\|", "<", "&lt;")
	for _, o := range options {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", o.Flag, code(o.Env), code(o.Default), escape.Replace(o.Help))
	}
}
