package sigrouter_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A complainFunc takes a complaint. Its first argument after the format is always the
// name complained of, its second where that is.
type complainFunc func(format string, args ...any)

// A parsedPackage holds the files of one package that are neither tests nor generated,
// those for other systems among them.
type parsedPackage struct {
	fset  *token.FileSet
	files map[string]*ast.File
}

func parsePackage(t *testing.T, l listed) parsedPackage {
	t.Helper()
	pkg := parsedPackage{token.NewFileSet(), map[string]*ast.File{}}
	for _, name := range slices.Concat(l.GoFiles, l.IgnoredGoFiles) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		name = filepath.Join(l.dir(), name)
		f, err := parser.ParseFile(pkg.fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if !ast.IsGenerated(f) {
			pkg.files[name] = f
		}
	}
	return pkg
}

// undocumented complains of exported names without a doc comment. In a group a comment
// on the group, or on the line, will do; so will none for a method of an unexported type.
func undocumented(fset *token.FileSet, f *ast.File, complain complainFunc) {
	tell := func(id *ast.Ident) {
		complain("%s is exported and has no doc comment (%s)", id.Name, fset.Position(id.Pos()))
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || receiverExported(d.Recv)) {
				tell(d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				names, documented := specDoc(spec)
				for _, id := range names {
					if id.IsExported() && !documented && d.Doc == nil {
						tell(id)
					}
				}
			}
		}
	}
}

func specDoc(spec ast.Spec) (names []*ast.Ident, documented bool) {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		return []*ast.Ident{s.Name}, s.Doc != nil || s.Comment != nil
	case *ast.ValueSpec:
		return s.Names, s.Doc != nil || s.Comment != nil
	}
	return nil, true
}

func receiverExported(recv *ast.FieldList) bool {
	exported := false
	ast.Inspect(recv.List[0].Type, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if ok && !exported {
			exported = id.IsExported()
			return false
		}
		return !ok
	})
	return exported
}

// mutableVars complains of package-level variables that hold state: all but errors,
// embedded files, interface checks, pools, and unexported tables that nothing in
// the package writes to.
func (p parsedPackage) mutableVars(complain complainFunc) {
	written := p.written()
	for _, f := range p.files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				s := spec.(*ast.ValueSpec)
				for i, id := range s.Names {
					var value ast.Expr
					if i < len(s.Values) {
						value = s.Values[i]
					}
					if !embedded(g, s) && !harmless(id, value, written) {
						complain("%s is a package-level variable (%s); put it in a struct", id.Name, p.fset.Position(id.Pos()))
					}
				}
			}
		}
	}
}

func embedded(g *ast.GenDecl, s *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{g.Doc, s.Doc} {
		if doc != nil && strings.Contains(doc.List[len(doc.List)-1].Text, "//go:embed ") {
			return true
		}
	}
	return false
}

func harmless(id *ast.Ident, value ast.Expr, written map[string]bool) bool {
	if id.Name == "_" {
		return true
	}
	if value == nil || written[id.Name] {
		return false
	}
	isError := strings.HasPrefix(id.Name, "Err") || strings.HasPrefix(id.Name, "err")
	switch v := value.(type) {
	case *ast.UnaryExpr: // &Error{...}
		return isError
	case *ast.CompositeLit:
		return !id.IsExported()
	case *ast.CallExpr:
		return isError || !id.IsExported() && makesConstant(v.Fun)
	}
	return false
}

// makesConstant reports whether what the function returns never changes.
func makesConstant(fn ast.Expr) bool {
	switch fn := fn.(type) {
	case *ast.IndexExpr: // reflect.TypeFor[T]
		return makesConstant(fn.X)
	case *ast.SelectorExpr:
		switch root(fn.X) + "." + fn.Sel.Name {
		case "regexp.MustCompile", "strings.NewReplacer", "template.Must", "reflect.TypeFor", "crc32.MakeTable":
			return true
		}
	}
	return false
}

// written collects the names to which, or to parts of which, something is assigned.
// It goes by name alone: a local variable that hides a table of the package counts too,
// and is better renamed.
func (p parsedPackage) written() map[string]bool {
	w := map[string]bool{}
	for _, f := range p.files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					if n.Tok != token.DEFINE {
						w[root(l)] = true
					}
				}
			case *ast.IncDecStmt:
				w[root(n.X)] = true
			case *ast.CallExpr:
				if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") {
					w[root(n.Args[0])] = true
				}
			}
			return true
		})
	}
	return w
}

// root returns the variable an expression such as v[i].f begins with.
func root(e ast.Expr) string {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x.Name
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return ""
		}
	}
}

// complaints returns the names that a check of one source file complains of, in order.
func complaints(t *testing.T, source string, check func(parsedPackage, complainFunc)) []string {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "p.go", source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	check(parsedPackage{fset, map[string]*ast.File{"p.go": f}}, func(_ string, args ...any) {
		names = append(names, args[0].(string))
	})
	return names
}

// buildProgram compiles the text of a program as a user of this module would.
func buildProgram(t *testing.T, what string, text []byte) {
	t.Helper()
	// Inside the module, for its go.mod; the name begins with a dot, so that no ./...
	// takes it for a package.
	dir, err := os.MkdirTemp(".", ".program-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "main.go"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "vet", "./"+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s does not compile:\n%s", what, out)
	}
}

// TestUndocumented and the tests below show that the checks above can fail.
func TestUndocumented(t *testing.T) {
	got := complaints(t, `package p
func Exported() {}
func (T) Method() {}
func (t *hidden) Method() {}
type T struct{}
type hidden struct{}
// Grouped names share a comment.
const ( A = 1; B = 2 )
const ( C = 1
	D = 2 // d
)
var E int
`, func(pkg parsedPackage, complain complainFunc) {
		for _, f := range pkg.files {
			undocumented(pkg.fset, f, complain)
		}
	})
	want := []string{"Exported", "Method", "T", "C", "E"}
	if !slices.Equal(got, want) {
		t.Errorf("undocumented complains of %q, want %q", got, want)
	}
}

func TestMutableVars(t *testing.T) {
	got := complaints(t, `package p
import ("errors"; "sync"; "regexp")
var ErrA = errors.New("a")
var ErrB = &Error{Code: "b"}
var _ I = T{}
var table = map[string]int{"a": 1}
var written = map[string]int{}
var replaced = []int{1}
var re = regexp.MustCompile("x")
var pool = sync.Pool{New: nil}
var typ = reflect.TypeFor[int]()
var state = newState()
var Exported = []int{1}
var count int
var mu sync.Mutex
//go:embed file
var page []byte
func f() { written["a"] = 2; replaced = nil; local := table; _ = local }
`, func(pkg parsedPackage, complain complainFunc) { pkg.mutableVars(complain) })
	want := []string{"written", "replaced", "state", "Exported", "count", "mu"}
	if !slices.Equal(got, want) {
		t.Errorf("mutableVars complains of %q, want %q", got, want)
	}
}
