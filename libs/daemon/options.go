package daemon

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// Option is something that a program can be told: a flag and its environment variable. The
// reference in docs/configuration.md is made from these.
type Option struct {
	// of the program, that has it; empty: the program itself
	Command string `json:"command,omitempty"`
	Flag    string `json:"flag"` // such as --max-sockets
	// such as HUBBUB_MAX_SOCKETS; empty: no variable sets it
	Env string `json:"env,omitempty"`
	// what it is given, such as HOST:PORT; empty: it is a switch
	Value   string `json:"value,omitempty"`
	Default string `json:"default,omitempty"`
	Help    string `json:"help"`
}

// describeOptions writes the program's options as JSON.
func describeOptions(out io.Writer, name, description string, cfg any) error {
	all, err := options(name, description, cfg)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(all)
}

// Options returns what the program can be told whose configuration cfg points to.
func Options(name string, cfg any) ([]Option, error) { return options(name, "", cfg) }

// Settings returns the flags, without the dashes, that have other values than their defaults in the
// configuration that cfg points to, but for those that may be secrets.
func Settings(cfg any) (map[string]string, error) {
	k, err := newParser("settings", "", cfg)
	if err != nil {
		return nil, err
	}
	all := make(map[string]string)
	for _, f := range k.Model.Flags {
		value := fmt.Sprint(f.Target.Interface())
		if list, ok := f.Target.Interface().([]string); ok {
			value = strings.Join(list, ",")
		}
		fresh := reflect.New(f.Target.Type()).Elem()
		if f.HasDefault {
			if err := f.Parse(kong.ScanFromTokens(kong.Token{Value: f.Default, Type: kong.FlagValueToken}), fresh); err != nil {
				return nil, fmt.Errorf("default of --%s: %w", f.Name, err)
			}
		}
		if f.Name == "help" || f.Name == "version" || mayBeSecret(f.Name, value) || reflect.DeepEqual(fresh.Interface(), f.Target.Interface()) || value == "" {
			continue
		}
		all[f.Name] = value
	}
	return all, nil
}

// mayBeSecret reports whether a flag's value may be a secret, or have one in it: a URL has a
// password.
func mayBeSecret(name, value string) bool {
	return strings.Contains(name, "secret") || strings.Contains(name, "password") || strings.Contains(name, "token") && !strings.HasSuffix(name, "life") ||
		strings.Contains(value, "://")
}

func options(name, description string, cfg any) ([]Option, error) {
	k, err := newParser(name, description, cfg)
	if err != nil {
		return nil, err
	}
	all := optionsOf("", k.Model.Node)
	for _, c := range k.Model.Children {
		all = append(all, optionsOf(c.Name, c)...)
	}
	return all, nil
}

func optionsOf(command string, node *kong.Node) []Option {
	var all []Option
	for _, f := range node.Flags {
		if f.Name == "help" || f.Name == "version" || f.Hidden {
			continue
		}
		o := Option{Command: command, Flag: "--" + f.Name, Default: f.Default, Help: f.Help}
		if f.Tag.Negatable != "" {
			o.Flag = "--[no-]" + f.Name
		}
		if !f.IsBool() {
			if o.Value = f.PlaceHolder; o.Value == "" {
				o.Value = f.Target.Type().String()
			}
		}
		if len(f.Envs) > 0 {
			o.Env = f.Envs[0]
		}
		all = append(all, o)
	}
	return all
}
