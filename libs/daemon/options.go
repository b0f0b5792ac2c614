package daemon

import (
	"encoding/json"
	"io"

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
