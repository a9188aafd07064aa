package sigrouter_test

import (
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestLogKeys holds every line that this module logs to the keys in docs/observability.md,
// and that list to what is logged: whoever searches a log can rely on it.
func TestLogKeys(t *testing.T) {
	text, err := os.ReadFile("docs/observability.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## The log\n")
	section, _, _ = strings.Cut(section, "\n## ")
	listed := map[string]bool{} // and used
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		listed[m[1]] = false
	}
	if len(listed) == 0 {
		t.Fatal("docs/observability.md lists no keys")
	}
	for _, p := range goList(t, "./...") {
		if strings.HasPrefix(p.dir(), "examples") {
			continue // programs with logs of their own
		}
		pkg := parsePackage(t, p)
		for name, f := range pkg.files {
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				for _, key := range logKeys(call) {
					if _, ok := listed[key]; !ok {
						t.Errorf("%s: log key %q is not in docs/observability.md; use one of those, or list it (%s)", name, key, pkg.fset.Position(call.Pos()))
					}
					listed[key] = true
				}
				return true
			})
		}
	}
	for key, used := range listed {
		if !used {
			t.Errorf("docs/observability.md lists the log key %q, and nothing is logged with it", key)
		}
	}
}

// logKeys returns the keys that a call gives to a logger, or makes an attribute with. A
// key that is no constant is "".
func logKeys(call *ast.CallExpr) []string {
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	if root(fn.X) == "slog" && len(call.Args) == 2 && slices.Contains([]string{"String", "Any", "Int", "Int64", "Uint64", "Duration", "Bool", "Time", "Float64"}, fn.Sel.Name) {
		return []string{literal(call.Args[0])}
	}
	skip := map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "Log": 3}[fn.Sel.Name]
	if skip == 0 || len(call.Args) < skip || !textual(call.Args[skip-1]) {
		return nil
	}
	args := call.Args[skip:]
	if call.Ellipsis.IsValid() {
		grown, ok := args[len(args)-1].(*ast.CallExpr) // append(attrs, ...)
		if !ok {
			return nil
		}
		args = grown.Args[1:]
	}
	var keys []string
	for i := 0; i < len(args); i += 2 {
		if _, attr := args[i].(*ast.CallExpr); attr {
			return keys // slog.String and the like have been seen
		}
		keys = append(keys, literal(args[i]))
	}
	return keys
}

func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		s, _ := strconv.Unquote(l.Value)
		return s
	}
	return ""
}

// textual reports whether an expression is made of a text, as messages are.
func textual(e ast.Expr) bool {
	if b, ok := e.(*ast.BinaryExpr); ok {
		return textual(b.X)
	}
	return literal(e) != ""
}

// TestLogKeysFinds shows that the check above can fail.
func TestLogKeysFinds(t *testing.T) {
	got := complaints(t, `package p
func f() {
	log.Info("x", "a", 1, "b", 2)
	r.logger().Warn("x"+y, "c", 1)
	t.Log(ctx, level, "x", "d", 1)
	log.Error("x", append(attrs, "e", 1)...)
	slog.String("g", "")
	log.Debug("x", key, 1)
	http.Error(w, "no", 500)
	errors.New("x")
}
`, func(pkg parsedPackage, complain complainFunc) {
		for _, f := range pkg.files {
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					for _, key := range logKeys(call) {
						complain("%s", key)
					}
				}
				return true
			})
		}
	})
	if want := []string{"a", "b", "c", "d", "e", "g", ""}; !slices.Equal(got, want) {
		t.Errorf("logKeys finds %q, want %q", got, want)
	}
}
