package gen_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/idl"
	"github.com/sigrouter/sigrouter/idl/gen"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	golden     = "testdata/golden"
	importPath = "github.com/sigrouter/sigrouter/idl/gen/testdata/golden"
)

// repeated are the languages whose files are made again each time.
var repeated = []string{"go", "js", "asyncapi"}

func inputs(t testing.TB) []string {
	t.Helper()
	all, err := filepath.Glob("../testdata/*.lmspc")
	require.NoError(t, err)
	require.Len(t, all, 4)
	return all
}

// TestGolden compares what is made of the files of package idl with what was made of them
// before. The Go packages among the golden files are those that the other tests run.
func TestGolden(t *testing.T) {
	var made []gen.File
	for _, input := range inputs(t) {
		src, err := os.ReadFile(input)
		require.NoError(t, err)
		f, errs := idl.Parse(input, src)
		require.NoError(t, errs.Err())
		files, err := gen.Generate(f, gen.Languages(), importPath)
		require.NoError(t, err)
		made = append(made, files...)
	}
	require.Len(t, made, 4*(3+1+2+1))
	for _, f := range made {
		path := filepath.Join(golden, filepath.FromSlash(f.Path))
		if *update {
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
			require.NoError(t, os.WriteFile(path, f.Data, 0o600))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), string(f.Data), "%s; if that is meant, run go test ./idl/gen -run Golden -update", path)
	}
}

// TestGoldenCompiles vets the Go packages among the golden files, the daemons too.
func TestGoldenCompiles(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "vet", "./"+golden+"/...").CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// A daemon imports its package by the path it has, and is not written a second time.
func TestDaemonIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "some", "where")
	spec := "../testdata/student.lmspc"
	_, err := gen.Run([]string{spec}, out, []string{"daemon"})
	require.ErrorContains(t, err, "run go mod init first")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("// x\nmodule \"example.org/m\" // y\n"), 0o600))
	made, err := gen.Run([]string{spec}, out, []string{"daemon"})
	require.NoError(t, err)
	src, err := os.ReadFile(made[0])
	require.NoError(t, err)
	require.Contains(t, string(src), `"example.org/m/some/where/studentsystem"`)

	require.NoError(t, os.WriteFile(made[0], []byte("mine now"), 0o600))
	_, err = gen.Run([]string{spec}, out, []string{"daemon"})
	require.NoError(t, err)
	src, err = os.ReadFile(made[0])
	require.NoError(t, err)
	require.Equal(t, "mine now", string(src))
}

func TestRunTwiceTouchesNothing(t *testing.T) {
	dir := t.TempDir()
	made, err := gen.Run(inputs(t), dir, repeated)
	require.NoError(t, err)
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	for _, path := range made {
		require.NoError(t, os.Chtimes(path, long, long))
	}
	require.NoError(t, os.WriteFile(made[0], []byte("changed"), 0o600))
	again, err := gen.Run(inputs(t), dir, repeated)
	require.NoError(t, err)
	require.Equal(t, made, again)
	for i, path := range made {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, i > 0, info.ModTime().Equal(long), path)
	}
}

// When one file has errors nothing is written of any, and all errors of all are told.
func TestRunWritesNothingOnError(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	good := write("good", "namespace a\nclass A\n")
	bad := write("bad", "namespace a\nclass B\nmethod x(a: N)\n")
	worse := write("worse", "class C\nnonsense\n")
	out := filepath.Join(dir, "out")
	_, err := gen.Run([]string{good, bad, worse, filepath.Join(dir, "none")}, out, []string{"go"})
	require.NoDirExists(t, out)
	var errs idl.Errors
	require.ErrorAs(t, err, &errs)
	require.Len(t, errs, 3)
	require.ErrorContains(t, err, bad+":3:13: unknown type 'N'")
	require.ErrorContains(t, err, worse+":2:1: unknown declaration 'nonsense'")
	require.ErrorContains(t, err, "none: no such file")

	_, err = gen.Run([]string{good, write("same", "namespace b\nclass a\n")}, out, []string{"go"})
	require.ErrorContains(t, err, "both make a/types.go; give their classes different names")
	_, err = gen.Run([]string{good}, out, []string{"cobol"})
	require.ErrorContains(t, err, `unknown language "cobol"; known are go, daemon, js, asyncapi`)
	require.NoDirExists(t, out)
}

// A file that cannot be put in its place leaves the others as they were.
func TestRunLeavesNoHalves(t *testing.T) {
	dir := t.TempDir()
	spec := filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(spec, []byte("namespace a\nclass A\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("in the way"), 0o600)) // of the directory
	_, err := gen.Run([]string{spec}, dir, []string{"asyncapi", "js", "go"})
	require.Error(t, err)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 2)
}

// A file of a thousand methods takes less than a second, half of one where this was
// written. The limit leaves room for machines that are slow or busy.
func TestThousandMethods(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes go/format thirty times slower")
	}
	src := thousandMethods()
	start := time.Now()
	f, errs := idl.Parse("big.lmspc", src)
	require.NoError(t, errs.Err())
	files, err := gen.Generate(f, gen.Languages(), importPath)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	took := time.Since(start)
	t.Logf("%v", took)
	require.Less(t, took, 5*time.Second)
}

func thousandMethods() []byte {
	var b strings.Builder
	b.WriteString("namespace org.example.big\nclass Big\n")
	for i := range 100 {
		fmt.Fprintf(&b, "/// Model number %d.\nmodel M%d {\n  id: string\n  list: *M%d\n  n: uint8 = 7\n}\n", i, i, i)
	}
	for i := range 1000 {
		fmt.Fprintf(&b, "/// Does number %d.\nmethod do_%d(a: string, b: M%d, c?: int32): *M%d timeout 5s\n", i, i, i%100, i%100)
		fmt.Fprintf(&b, "event done_%d(a: string, b: M%d)\n", i, i%100)
	}
	return []byte(b.String())
}

// BenchmarkThousandMethods is the promise of TestThousandMethods as a number.
func BenchmarkThousandMethods(b *testing.B) {
	src := thousandMethods()
	for b.Loop() {
		f, errs := idl.Parse("big.lmspc", src)
		if errs != nil {
			b.Fatal(errs)
		}
		if _, err := gen.Generate(f, gen.Languages(), importPath); err != nil {
			b.Fatal(err)
		}
	}
}

// What is documented in the file is documented in everything made of it.
func TestDocsReachEveryOutput(t *testing.T) {
	f, errs := idl.Parse("d.lmspc", []byte(`/// Doc of file.
namespace a.b
class C
/// Doc of enum.
enum E {
	/// Doc of value.
	x
}
/// Doc of model.
model M {
	/// Doc of member.
	m: E
}
/// Doc of exception.
exception X
/// Doc of method.
method f(
	/// Doc of
	/// parameter.
	p: M)
/// Doc of event.
event e(
	/// Doc of data.
	d: string)
`))
	require.NoError(t, errs.Err())
	for _, lang := range []string{"go", "js", "asyncapi"} {
		files, err := gen.Generate(f, []string{lang}, importPath)
		require.NoError(t, err)
		text := ""
		for _, f := range files {
			text += string(f.Data)
		}
		text = strings.Join(strings.Fields(strings.NewReplacer("//", " ", "\\n", " ").Replace(text)), " ")
		for _, what := range []string{"file", "enum", "value", "model", "member", "exception", "method", "parameter", "event", "data"} {
			require.Contains(t, text, "Doc of "+what+".", lang)
		}
	}
}

// Every reference of an AsyncAPI document leads to something in it.
func TestAsyncAPIReferences(t *testing.T) {
	docs, err := filepath.Glob(golden + "/*.asyncapi.json")
	require.NoError(t, err)
	require.Len(t, docs, 4)
	for _, name := range docs {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		var doc map[string]any
		require.NoError(t, json.Unmarshal(b, &doc))
		require.Equal(t, "3.1.0", doc["asyncapi"])
		n := 0
		walk(doc, func(ref string) {
			n++
			var at any = doc
			for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				at = at.(map[string]any)[part]
			}
			require.NotNil(t, at, "%s: %s", name, ref)
		})
		require.Positive(t, n)
	}
}

func walk(v any, visit func(ref string)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			walk(x, visit)
		}
	case map[string]any:
		for k, x := range v {
			if ref, ok := x.(string); ok && k == "$ref" {
				visit(ref)
			}
			walk(x, visit)
		}
	}
}
