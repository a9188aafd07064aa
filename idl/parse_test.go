package idl_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/idl"
)

func parseFile(t testing.TB, name string) *idl.File {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	f, errs := idl.Parse(name, src)
	require.NoError(t, errs.Err())
	return f
}

func typesOf(fields []*idl.Field) string {
	var all []string
	for _, f := range fields {
		all = append(all, f.Name+" "+f.Type.String())
	}
	return strings.Join(all, ", ")
}

// The file of LibMedium's own documentation is accepted as it is.
func TestParseStudent(t *testing.T) {
	f := parseFile(t, "student.lmspc")
	require.Equal(t, "com.pcthingz.libmedium.student", f.Namespace)
	require.Equal(t, "StudentSystem", f.Class)
	require.Len(t, f.Models, 1)
	require.Equal(t, "id string, first_name string, last_name string, age uint8, photo binary", typesOf(f.Models[0].Fields))
	require.Len(t, f.Exceptions, 1)
	require.Equal(t, "StudentNotFound", f.Exceptions[0].Name)
	require.Len(t, f.Methods, 2)
	require.Equal(t, "id string", typesOf(f.Methods[0].Params))
	require.Same(t, f.Models[0], f.Methods[0].Result.Model)
	require.Nil(t, f.Methods[1].Result)
	require.Len(t, f.Events, 1)
	require.Equal(t, "time double, info Student", typesOf(f.Events[0].Params))
	require.Equal(t, idl.Pos{File: "student.lmspc", Line: 14, Column: 8}, f.Methods[0].Pos)
}

func TestParseShopping(t *testing.T) {
	f := parseFile(t, "shopping.lmspc")
	require.Equal(t, "/run/user/1000", f.Socket)
	require.Equal(t, "store string, items *Item", typesOf(f.Models[1].Fields))
	require.Equal(t, "**uint32", f.Methods[3].Result.String())
	require.Len(t, f.Methods[4].Params, len(idl.Primitives()))
	require.Len(t, f.Exceptions, 2)
}

func TestParseExtended(t *testing.T) {
	f := parseFile(t, "extended.lmspc")
	require.Equal(t, "A school, with everything\nthe language has.", f.Doc)

	grade := f.Enums[0]
	require.Equal(t, "How well somebody did.", grade.Doc)
	require.Len(t, grade.Values, 3)
	require.Equal(t, "Better than most.", grade.Values[0].Doc)
	require.Equal(t, "poor", grade.Values[2].Name)

	fields := map[string]*idl.Field{}
	for _, x := range f.Models[0].Fields {
		fields[x.Name] = x
	}
	require.Equal(t, "Given by the school.", fields["id"].Doc)
	require.True(t, fields["photo"].Optional)
	require.Same(t, grade, fields["grade"].Type.Enum)
	require.Equal(t, "ad \"astra\"\n`x`", fields["motto"].Default.Text)
	require.Equal(t, idl.Word, fields["grade"].Default.Kind)
	require.Equal(t, idl.Number, fields["weight"].Default.Kind)

	require.Equal(t, "id string, near *string", typesOf(f.Exceptions[0].Fields))
	require.Nil(t, f.Exceptions[1].Fields)

	get := f.Methods[0]
	require.Equal(t, "Finds a student.", get.Doc)
	require.Equal(t, "As given by the school.", get.Params[0].Doc)
	require.Equal(t, 5*time.Second, get.Timeout)
	require.Equal(t, 90*time.Second, f.Methods[1].Timeout)

	kinds := map[string][2]bool{}
	for _, e := range f.Events {
		kinds[e.Name] = [2]bool{e.Retained, e.Channel}
	}
	require.Equal(t, map[string][2]bool{"student_added": {}, "count": {true, false}, "alarm": {false, true}, "mood": {true, true}}, kinds)
}

func TestParseLayout(t *testing.T) {
	for _, src := range []string{
		"namespace a\r\nclass B\r\nmodel M{\r\n\ta: string\r\n}\r\nmethod m(\r\n  a: M , b : *M\r\n) : M\r\n",
		"\uFEFFnamespace a // here\nclass B// there\n\n\nmodel M { a: string }\nmethod m(a: M, b: **M): M // x",
		"  namespace   a\n\tclass B\n//// no doc\n/// M\nmodel M{a: string\n}\nmethod m(a:M,b:*M):M",
		"namespace a\nclass B\nmodel M\t{\n\n  a: string /// no doc\n\n}\nmethod m(): M",
	} {
		f, errs := idl.Parse("f", []byte(src))
		require.NoError(t, errs.Err(), src)
		require.Equal(t, "M", f.Methods[0].Result.Base)
		require.Len(t, f.Models[0].Fields, 1)
		require.Contains(t, []string{"", "M"}, f.Models[0].Doc)
	}
}

// Every error of a file is reported, in its place, and none that follows from another.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"empty", "", `
1:1: the file has no namespace (add a line such as: namespace com.example.thing)`},
		{"several", "namespace a\nclass B\nmodel M {\n  a: strin\n  b string\n  a: int\n}\nmetod x()\nmethod y(a: M): N\nevent y()\n", `
4:6: unknown type 'strin' (did you mean string?)
5:5: expected ':' and the type of b, found 'string'
6:3: there is a member a already
6:6: unknown type 'int' (did you mean int32?)
8:1: unknown declaration 'metod' (did you mean method?)
9:17: unknown type 'N' (define it with model or enum, or use one of boolean, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float, double, string, binary)
10:7: 'y' is defined already, at line 9 (names are shared by models, enums, exceptions, methods and events)`},
		{"header", "namespace a..b\nclass 7\nclass C\nsocket\n", `
1:11: 'a..b' is no namespace (a namespace looks like com.example.thing)
2:7: '7' is no class name (a class name is made of letters, digits and _, and begins with a letter)
3:1: class is given more than once (keep one of them)
4:7: expected a value after socket`},
		{"an unknown line is one error", "namespace a\nclass B\nsokcet /var/run\nservice X [1.0] 'y'\nmethod x()\n", `
3:1: unknown declaration 'sokcet' (did you mean socket?)
4:1: unknown declaration 'service' (a declaration begins with one of namespace, class, socket, model, enum, exception, method, event, retained, channel)`},
		{"a line that goes on", "namespace a\nclass B\nmethod x() y\nexception E F\n", `
3:12: expected the end of the line after the method, found 'y' (one declaration stands on each line)
4:13: expected the end of the line after the exception, found 'F' (one declaration stands on each line)`},
		{"brackets", "namespace a\nclass B\nmethod x\nmethod y(a: int8\nmethod z(a int8): int8\nevent e(a:, b: int8)\nmodel M\nmethod w(m: M)\nmodel N {\n a: int8\n", `
3:9: expected '(', found the end of the line (the parameters stand in ( and ), also when there are none)
5:1: expected ',' or ')', found 'method'
5:12: expected ':' and the type of a, found 'int8'
6:11: expected the type of a, found ','
7:8: expected '{', found the end of the line (the members stand in { and })
11:1: the file ends inside of N (close it with })`},
		{"characters", "namespace a\nclass B\nmethod x(a: []int8)\nmethod y(a: 'x');\nmethod ä()\nmodel M {\n a: string = \"x\n b: string = \"\\q\"\n}\n\x01\n/ x\n\xff", `
3:13: unexpected '[' (a list of T is written *T)
3:14: unexpected ']' (a list of T is written *T)
4:13: unexpected "'" (strings stand in double quotes)
4:15: unexpected "'" (strings stand in double quotes)
4:17: unexpected ';' (a line ends without one)
5:8: unexpected 'ä' (names are made of letters, digits and _)
7:14: the string does not end in its line (close it with "; write a line break as \n)
8:15: unknown escape (there are \n, \t, \" and \\)
10:1: unexpected control character
11:1: unexpected '/' (a comment begins with //, or /// for one that documents)
12:1: this is not UTF-8 (save the file as UTF-8)`},
		{"defaults", `namespace a
class B
enum E { x, y }
model M {
  a: uint8 = 256
  b: int8 = -129
  c: int8 = 1.5
  d: string = 5
  e: boolean = 1
  f: E = z
  g: *int8 = 1
  h: binary = "x"
  i: M = 1
  j: float = 1e39
  k: int8 = 01
  l?: int8 = 1
  m: int8 =
  n: uint64 = -1
  o: int8 = 5s
}
`, `
5:14: the default of a does not fit its type, uint8 (it is a whole number from 0 to 255)
6:13: the default of b does not fit its type, int8 (it is a whole number from -128 to 127)
7:13: the default of c does not fit its type, int8 (it is a whole number from -128 to 127)
8:15: the default of d does not fit its type, string (a string stands in double quotes)
9:16: the default of e does not fit its type, boolean (it is true or false)
10:10: the default of f does not fit its type, E (it is one of x, y)
11:14: g can have no default, being a *int8 (use g? for one that may be left out)
12:15: h can have no default, being a binary (use h? for one that may be left out)
13:3: M contains itself by way of i (make it optional (i?) or a list)
13:10: i can have no default, being a M (use i? for one that may be left out)
14:14: the default of j does not fit its type, float (it is too large)
15:13: the default of k does not fit its type, int8 (it is a number)
16:3: l has a default, and so may be left out anyway (drop the ? or the default)
17:12: expected a default, found the end of the line (a default is a number, a string, true, false or a value of an enum)
18:15: the default of n does not fit its type, uint64 (it is a whole number from 0 to 18446744073709551615)
19:13: expected a default, found '5s' (a default is a number, a string, true, false or a value of an enum)`},
		{"enums", "namespace a\nclass B\nenum E {}\nenum F { a, a b }\nenum G\nenum H { a; }\nenum int8 { a }\nenum I { a, ", `
3:6: enum E has no values (add values, divided by commas or line breaks)
4:13: 'a' is a value of F already
4:15: expected ',' or '}', found 'b'
5:7: expected '{', found the end of the line (the values stand in { and })
6:11: unexpected ';' (a line ends without one)
7:6: 'int8' is the name of a primitive type (choose another name)
8:13: expected a value, found the end of the file`},
		{"events and methods", "namespace a\nclass B\nretained retained event x()\nretained y()\nchannel\nmethod m(a?: int8, b: int8)\nmethod n() timeout 5\nmethod o() timeout x\nmethod p(a: n, a: ___)\nmethod __()\nmethod q(a: *********int8)", `
3:10: retained is given more than once (keep one of them)
4:10: expected event, found 'y'
5:8: expected event, found the end of the line
6:20: b must be given, but a before it may be left out (put those that may be left out last)
7:20: '5' is no length of time (a timeout looks like 500ms, 5s or 2m)
8:20: expected a length of time, found 'x' (a timeout looks like 500ms, 5s or 2m)
9:13: 'n', defined at line 7, is no type (a type is a primitive, a model or an enum)
9:16: there is a parameter a already
9:19: unknown type '___' (define it with model or enum, or use one of boolean, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float, double, string, binary)
10:8: '__' is no name (a name has at least one letter or digit)
11:13: 9 lists inside each other; 8 are the most (put a model between them)`},
		{"nesting", "namespace a\nclass B\nmodel M {\n n: N\n}\nmodel N {\n m: M\n o?: N\n p: *N\n}\n", `
7:2: N contains itself by way of m (make it optional (m?) or a list)`},
		{"long", "namespace " + strings.Repeat("a", 201) + "\nclass B\nmethod " + strings.Repeat("m", 101) + "()\n", `
1:11: the namespace has 201 characters; 200 are the most
3:8: the name has 101 characters; 100 are the most`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, errs := idl.Parse("f", []byte(c.src))
			require.Nil(t, f)
			want := strings.ReplaceAll(strings.TrimPrefix(c.want, "\n"), "\n", "\nf:")
			require.Equal(t, "f:"+want, errs.Error())
		})
	}
}

func TestErrorsAreNoErrorWhenThereAreNone(t *testing.T) {
	_, errs := idl.Parse("f", []byte("namespace a\nclass B"))
	require.NoError(t, errs.Err())
}

// FuzzParse holds the parser to reporting errors inside the file, and to terminating.
func FuzzParse(f *testing.F) {
	names, err := filepath.Glob("testdata/*.lmspc")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte("model {\"\\"))
	f.Add([]byte("namespace a\nclass B\nmodel M { a: *M = \"\\\x01 } enum E { , } method x(\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, errs := idl.Parse("f", src)
		if (file == nil) != (len(errs) > 0) {
			t.Fatalf("Parse(%q) = %v, %v", src, file, errs)
		}
		lines := strings.Split(string(src), "\n")
		for _, e := range errs {
			if e.Pos.Line < 1 || e.Pos.Line > len(lines) || e.Pos.Column < 1 || e.Pos.Column > len(lines[e.Pos.Line-1])+1 {
				t.Errorf("Parse(%q): %v is outside of the file", src, e)
			}
		}
	})
}
