// Package buildinfo says which build a program is: its version, and the commit that it was made
// from with that commit's date. It knows nothing of when and where it was built, so that two builds
// of a commit are the same.
package buildinfo

import (
	"runtime"
	"runtime/debug"
)

// What the linker is told by -ldflags "-X hubbub.internal/libs/buildinfo.version=1.2.3 …": images
// are built outside of a checkout. Empty: what Go has noted of the checkout.
var version, commit, date string

// Info is a build. A part that is not known is "unknown", a version that was not released "dev".
type Info struct {
	Version string // such as 1.2.3
	Commit  string // hexadecimal; with +changes: not all of the source was committed
	Date    string // of the commit, RFC 3339
	Go      string // of the toolchain, such as go1.26.0
}

// Get returns the build of this program.
func Get() Info {
	settings := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
	}
	return get(version, commit, date, settings)
}

func get(version, commit, date string, settings map[string]string) Info {
	if commit == "" {
		commit, date = settings["vcs.revision"], settings["vcs.time"]
		if settings["vcs.modified"] == "true" {
			commit += "+changes"
		}
	}
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	return Info{Version: or(version, "dev"), Commit: or(commit, "unknown"), Date: or(date, "unknown"), Go: runtime.Version()}
}

// String is the build in a line for people.
func (i Info) String() string {
	return i.Version + " (commit " + i.Commit + " of " + i.Date + ", " + i.Go + " " + runtime.GOOS + "/" + runtime.GOARCH + ")"
}
