package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"hubbub.internal/libs/buildinfo"
	"hubbub.internal/libs/trace"
)

// Config is what every program can be told; embed it in the program's own configuration. A program
// whose defaults differ gives them by a method Vars() kong.Vars of its configuration: a tag
// default:"${name=value}" asks for name.
type Config struct {
	OpsListen   string        `help:"Address of the ops port: /metrics /healthz /readyz /loglevel. It answers anybody who reaches it, so keep it private; empty turns it off." default:"${ops_listen=127.0.0.1:9090}" placeholder:"HOST:PORT"`
	Pprof       bool          `help:"Serve profiles of the process at /debug/pprof of the ops port. They show what is in memory."`
	StopDelay   time.Duration `help:"How long the process goes on serving after a signal to stop, while /readyz already fails (0s to 5m): as long as a load balancer needs to notice." default:"0s"`
	LogLevel    string        `help:"Least level that is logged: debug, info, warn or error." default:"${log_level=info}" enum:"debug,info,warn,error"`
	SlowRequest time.Duration `help:"Log requests of clients, and of services to each other, at the level warn that take longer (0s to 1h); 0s: none." default:"1s"`
	Trace       trace.Config  `embed:""`
	LogFormat   string        `help:"Form of the logs: json, or console for people." default:"${log_format=json}" enum:"json,console"`
}

// Validate returns what is wrong with the configuration.
func (c *Config) Validate() error {
	if most := 5 * time.Minute; c.StopDelay < 0 || c.StopDelay > most {
		return fmt.Errorf("--stop-delay is %s; it has to be 0s to %s", c.StopDelay, most)
	}
	if c.SlowRequest < 0 || c.SlowRequest > time.Hour {
		return fmt.Errorf("--slow-request is %s; it has to be 0s to %s", c.SlowRequest, time.Hour)
	}
	return c.Trace.Validate()
}

// envPrefix begins the name of every environment variable that sets a flag.
const envPrefix = "HUBBUB"

// parse fills cfg, a pointer to a struct that embeds Config, from args, the environment, files
// named by the environment, and defaults, in that order, and validates it. It also returns the
// command that was chosen, a pointer to its struct in cfg; nil: the program has none.
func parse(name, description string, cfg any, args []string) (base *Config, command any, err error) {
	k, err := newParser(name, description, cfg)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := k.Parse(args)
	if err != nil {
		if e, ok := errors.AsType[*kong.ParseError](err); ok && e.Context != nil && e.Context.Selected() != nil {
			name += " " + e.Context.Selected().Name
		}
		return nil, nil, fmt.Errorf("%w; try %s --help", err, name)
	}
	checked := cfg
	if node := parsed.Selected(); node != nil {
		command = node.Target.Addr().Interface()
		checked = command // the others keep their defaults
		name += " " + node.Name
	}
	if err := Validate(checked); err != nil {
		return nil, nil, fmt.Errorf("%w; try %s --help", err, name)
	}
	if node := parsed.Selected(); node != nil {
		if base, ok := find(node.Target); ok { // several commands may have one
			return base, command, nil
		}
	}
	base, ok := find(reflect.ValueOf(cfg).Elem())
	if !ok {
		return nil, nil, fmt.Errorf("configuration of %s does not embed daemon.Config", name)
	}
	return base, command, nil
}

// CheckEnvironment returns why the program whose configuration cfg points to would not start with
// this environment, and without arguments.
func CheckEnvironment(name string, cfg any) error {
	_, _, err := parse(name, "", cfg, nil)
	return err
}

// questions is what help says of askedOf.
const questions = "With the last argument healthcheck, or the last two loglevel and debug, info, warn or error, the process that runs with the same other arguments is asked whether it is ready, or told from which level on to log."

func newParser(name, description string, cfg any) (*kong.Kong, error) {
	vars := kong.Vars{}
	if v, ok := cfg.(interface{ Vars() kong.Vars }); ok {
		vars = v.Vars()
	}
	vars["version"] = name + " " + buildinfo.Get().String()
	k, err := kong.New(cfg,
		vars,
		kong.Embed(&versionFlag{}),
		kong.Name(name),
		kong.Description(description+"\n\n"+questions+"\n\nEvery flag can be set by the environment variable named beside it, or, to keep a secret out of the environment, read from the file that the same variable with _FILE at its end names."),
		kong.DefaultEnvars(envPrefix),
		kong.ValueFormatter(describe),
		kong.Resolvers(kong.ResolverFunc(resolveFile)),
	)
	if err != nil {
		return nil, fmt.Errorf("configuration of %s: %w", name, err)
	}
	return k, nil
}

// versionFlag is in every program. No variable sets it: HUBBUB_VERSION is what people name the tag
// of an image by.
type versionFlag struct {
	Version kong.VersionFlag `help:"Print the version, and the commit that this was built from, and exit." env:"-"`
}

// describe adds the default to a flag's help where kong does not show it: where the flag has a
// placeholder.
func describe(v *kong.Value) string {
	help := *v
	if v.HasDefault && v.Default != "" && v.Tag.PlaceHolder != "" {
		help.Help = strings.TrimSuffix(help.Help, ".") + " (default " + v.Default + ")."
	}
	return kong.DefaultHelpValueFormatter(&help)
}

// resolveFile answers a flag that neither the command line nor the environment has set from the
// file that its variable with _FILE at its end names.
func resolveFile(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Envs {
		if os.Getenv(env) != "" {
			return nil, nil
		}
		path := os.Getenv(env + "_FILE")
		if path == "" {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s_FILE: %w", env, err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
	return nil, nil
}

// Validate calls the Validate method of cfg, a pointer to a struct; where it has none, those of the
// structs that it is made of, and returns all that they say. A struct with the method answers for
// its parts.
func Validate(cfg any) error {
	v := reflect.ValueOf(cfg).Elem()
	if v.Kind() != reflect.Struct {
		return nil
	}
	// An embedded struct's promoted method speaks for that struct alone.
	if t, ok := cfg.(interface{ Validate() error }); ok && !promoted(v.Type()) {
		return t.Validate()
	}
	var errs []error
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Struct && v.Type().Field(i).IsExported() {
			errs = append(errs, Validate(f.Addr().Interface()))
		}
	}
	return errors.Join(errs...)
}

func promoted(t reflect.Type) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.Anonymous {
			continue
		}
		if _, ok := reflect.PointerTo(f.Type).MethodByName("Validate"); ok {
			return true
		}
	}
	return false
}

func find(v reflect.Value) (*Config, bool) {
	if c, ok := v.Addr().Interface().(*Config); ok {
		return c, true
	}
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Struct && v.Type().Field(i).IsExported() {
			if c, ok := find(f); ok {
				return c, true
			}
		}
	}
	return nil, false
}

// newLogger returns the logs of a program, and their level, which may be set while they are in use.
func newLogger(name string, cfg Config) (*zap.Logger, zap.AtomicLevel, error) {
	level, err := zap.ParseAtomicLevel(cfg.LogLevel)
	if err != nil {
		return nil, level, fmt.Errorf("--log-level: %w", err)
	}
	enc := zap.NewProductionEncoderConfig()
	enc.EncodeTime = zapcore.ISO8601TimeEncoder
	enc.TimeKey = "time"
	encoder := zapcore.NewJSONEncoder(enc)
	if cfg.LogFormat == "console" {
		enc.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05")
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		enc.NewReflectedEncoder = func(w io.Writer) zapcore.ReflectedEncoder { return json.NewEncoder(w) }
		encoder = zapcore.NewConsoleEncoder(enc)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(os.Stderr), level)
	return zap.New(core, zap.AddStacktrace(zapcore.DPanicLevel)).With(zap.String("service", name)), level, nil
}
