package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// A buildVersion is what sig version --json prints.
type buildVersion struct {
	Version  string `json:"version"`            // of the module; "(devel)" when built from a checkout
	Revision string `json:"revision,omitempty"` // of the checkout
	Time     string `json:"time,omitempty"`     // of the revision
	Modified bool   `json:"modified"`           // the checkout had changes
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// readVersion says what this program was built from.
func readVersion() buildVersion {
	info, _ := debug.ReadBuildInfo()
	return versionOf(info)
}

func versionOf(info *debug.BuildInfo) buildVersion {
	v := buildVersion{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info == nil {
		return v
	}
	v.Version = cmp.Or(info.Main.Version, v.Version)
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (v buildVersion) writeText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "sig %s", v.Version)
	if v.Revision != "" {
		fmt.Fprintf(&b, ", revision %.12s", v.Revision)
	}
	if v.Modified {
		b.WriteString(" with changes")
	}
	fmt.Fprintf(&b, ", %s %s/%s\n", v.Go, v.OS, v.Arch)
	_, err := io.WriteString(w, b.String())
	return err
}

func (a *app) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Say which version this is, and what it was built from",
		Args:  args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			v := readVersion()
			if !asJSON {
				return v.writeText(a.out)
			}
			return writeJSON(a.out, v)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}
