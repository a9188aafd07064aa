package sigrouter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const modulePath = "github.com/sigrouter/sigrouter"

// mayImport says which packages of this module a package may import; "." is the root. A
// key that ends in "/..." stands for all packages below it that have no key of their own, a
// value for itself and all below. What is not named here may not be: whoever adds a
// package places it.
var mayImport = map[string][]string{
	"sig":                 {},
	"carrier":             {"sig", "internal/..."},
	"carrier/carriertest": {"sig", "carrier", "internal/..."},
	"carrier/...":         {"sig", "carrier", "internal/..."}, // and no other carrier
	"codec/...":           {"sig"},
	"auth":                {"sig", "carrier"},
	"router":              {"sig", "carrier", "auth", "internal/..."},
	"router/routertest":   {"sig", "carrier", "carrier/local", "auth", "router"},
	"api":                 {"sig", "api/schema", "internal/..."},
	"api/...":             {"sig", "internal/..."},
	"channel":             {"sig", "internal/..."},
	"component":           {"sig", "internal/..."},
	"path":                {"sig", "internal/..."},
	"idl":                 {"sig", "internal/..."},
	"idl/...":             {"sig", "api/...", "idl/...", "internal/..."},
	"internal/...":        {"sig", "internal/..."},
	"internal/accounts":   {"/..."}, // a program
	"internal/bustest":    {"sig", "router", "router/routertest"},
	"internal/survive":    {"/..."}, // tests
	".":                   {"sig", "carrier/...", "codec/...", "auth", "router", "internal/..."},
	"metrics":             {"sig", "carrier", "router", "internal/..."},
	"observe":             {"sig", "carrier", "auth", "router", "metrics", "internal/..."},
	"dashboard":           {"sig", "carrier", "carrier/ws", "auth", "router", "clients/js", "internal/..."},
	"clients/js":          {}, // embeds the files
	"cmd/...":             {"/..."},
	"examples/...":        {"/..."},
}

// TestImports holds every package to mayImport.
func TestImports(t *testing.T) {
	for _, p := range goList(t, "./...") {
		allowed, ok := rulesFor(p.dir())
		if !ok {
			t.Errorf("package %s has no place in the table of layout_test.go; add one", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			to, ours := inModule(imp)
			if ours && !slices.ContainsFunc(allowed, func(a string) bool { return covers(a, to) }) {
				t.Errorf("%s imports %s; the table of layout_test.go allows %q", p.dir(), to, allowed)
			}
		}
	}
}

// TestRouterLinksNoNetwork checks that a program which imports only the router links
// neither a network library nor anything from outside the standard library.
func TestRouterLinksNoNetwork(t *testing.T) {
	for _, top := range []string{"sig", "carrier", "router"} {
		if _, err := os.Stat(top); err != nil {
			continue
		}
		for _, dep := range goList(t, "-deps", "./"+top) {
			_, ours := inModule(dep.ImportPath)
			switch p := dep.ImportPath; {
			case p == "net", p == "crypto/tls", strings.HasPrefix(p, "net/http"), strings.HasPrefix(p, "net/rpc"):
				t.Errorf("%s depends on %s; only carriers may", top, p)
			case !ours && !dep.Standard:
				t.Errorf("%s depends on %s; it needs the standard library only", top, p)
			}
		}
	}
}

// TestFiles holds every file that is neither a test nor generated to what CONTRIBUTING.md
// says a program can check.
func TestFiles(t *testing.T) {
	const maxLines = 500
	for _, p := range goList(t, "./...") {
		pkg := parsePackage(t, p)
		for name, f := range pkg.files {
			if n := pkg.fset.File(f.Pos()).LineCount(); n > maxLines {
				t.Errorf("%s has %d lines; divide it, %d are the most", name, n, maxLines)
			}
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s: init runs behind the reader's back; call a function instead", pkg.fset.Position(fn.Pos()))
				}
			}
			if f.Name.Name != "main" {
				undocumented(pkg.fset, f, t.Errorf)
			}
		}
		pkg.mutableVars(t.Errorf)
	}
}

// TestReadme builds every Go program in the README, and checks that the commands it
// names exist, and that it leads to every page.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := regexp.MustCompile("(?s)```go\n(package main\n.*?)```").FindAllSubmatch(text, -1)
	if len(programs) == 0 {
		t.Error("README.md has no Go program")
	}
	for i, m := range programs {
		buildProgram(t, fmt.Sprintf("README.md, Go block %d", i+1), m[1])
	}
	for _, m := range regexp.MustCompile(`\bgo run (\./[\w./-]*\w)`).FindAllSubmatch(text, -1) {
		if _, err := os.Stat(string(m[1])); err != nil {
			t.Errorf("README.md says %q: %v", m[0], err)
		}
	}
	sigCommands(t, regexp.MustCompile(`(?m)(?:^    |\x60|run \./cmd/)sig ([a-z]+)`).FindAllSubmatch(text, -1))
	for _, m := range regexp.MustCompile(`\bmake ([a-z]+)`).FindAllSubmatch(text, -1) {
		if out, err := exec.Command("make", "-n", string(m[1])).CombinedOutput(); err != nil {
			t.Errorf("README.md says %q: %s", m[0], out)
		}
	}
	prose := regexp.MustCompile("(?s)```.*?```").ReplaceAll(text, nil)
	for _, m := range regexp.MustCompile(`\]\(([^):#]+)(?:#[^)]*)?\)`).FindAllSubmatch(prose, -1) {
		if _, err := os.Stat(string(m[1])); err != nil {
			t.Errorf("README.md links to %s: %v", m[1], err)
		}
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Errorf("no pages: %v", err)
	}
	for _, page := range pages {
		if !bytes.Contains(text, []byte("]("+page+")")) {
			t.Errorf("README.md does not lead to %s", page)
		}
	}
}

// sigCommands checks that sig has the commands.
func sigCommands(t *testing.T, named [][][]byte) {
	t.Helper()
	if len(named) == 0 {
		t.Error("README.md names no command of sig")
		return
	}
	program := filepath.Join(t.TempDir(), "sig")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "./cmd/sig").CombinedOutput(); err != nil {
		t.Fatalf("cmd/sig does not build: %s", out)
	}
	for _, m := range named {
		if out, err := exec.Command(program, "help", string(m[1])).CombinedOutput(); err != nil {
			t.Errorf("README.md names %q: %s", m[0], out)
		} else if !strings.Contains(string(out), "sig "+string(m[1])) {
			t.Errorf("README.md names %q, which sig does not know", m[0])
		}
	}
}

// TestCovers shows what the patterns of mayImport mean.
func TestCovers(t *testing.T) {
	for _, c := range []struct {
		pattern, pkg string
		want         bool
	}{
		{"sig", "sig", true}, {"sig", "sig/x", false}, {"carrier", "carrier/tcp", false},
		{"internal/...", "internal/wire", true}, {"idl/...", "idl", true}, {"idl/...", "idlx", false},
		{"/...", "carrier/tcp", true}, {"/...", ".", true}, {".", ".", true}, {".", "sig", false},
	} {
		if got := covers(c.pattern, c.pkg); got != c.want {
			t.Errorf("covers(%q, %q) = %v", c.pattern, c.pkg, got)
		}
	}
}

// A listed package is what go list says of one.
type listed struct {
	ImportPath     string
	Dir            string
	Imports        []string
	GoFiles        []string
	IgnoredGoFiles []string // for other systems
	Standard       bool
}

// dir is the package's place below the root of the module, "." for the root.
func (l listed) dir() string { d, _ := inModule(l.ImportPath); return d }

func goList(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, stderr.Bytes())
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		switch err := dec.Decode(&l); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, l)
	}
}

// inModule returns the place of a package below the root of this module.
func inModule(importPath string) (string, bool) {
	if importPath == modulePath {
		return ".", true
	}
	rest, ok := strings.CutPrefix(importPath, modulePath+"/")
	return rest, ok
}

// rulesFor finds the nearest entry of mayImport.
func rulesFor(pkg string) ([]string, bool) {
	if allowed, ok := mayImport[pkg]; ok {
		return allowed, true
	}
	for up := path.Dir(pkg); up != "."; up = path.Dir(up) {
		if allowed, ok := mayImport[up+"/..."]; ok {
			return allowed, true
		}
	}
	return nil, false
}

func covers(pattern, pkg string) bool {
	base, below := strings.CutSuffix(pattern, "/...")
	return pattern == pkg || below && (base == "" || base == pkg || strings.HasPrefix(pkg, base+"/"))
}
