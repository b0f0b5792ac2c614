package load

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// Scenario is the path of a YAML file with settings of a load, by the names of their flags.
type Scenario string

// BeforeResolve adds the settings of the file to those of the command line, which take precedence.
func (Scenario) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	file := string(ctx.FlagValue(trace.Flag).(Scenario))
	b, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("scenario: %w", err)
	}
	var settings map[string]any
	if err := yaml.Unmarshal(b, &settings); err != nil {
		return fmt.Errorf("scenario %s: %w", file, err)
	}
	known := make(map[string]bool)
	for _, f := range ctx.Flags() {
		known[f.Name] = f.Name != trace.Flag.Name && f.Name != "help" && !f.Hidden
	}
	for name := range settings {
		if !known[name] {
			return fmt.Errorf("scenario %s: there is no setting %s", file, name)
		}
	}
	ctx.AddResolver(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		switch v := settings[flag.Name].(type) {
		case nil:
			return nil, nil
		case []any, bool:
			return v, nil
		default: // as it would be on the command line
			return fmt.Sprint(v), nil
		}
	}))
	return nil
}
