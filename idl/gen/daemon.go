package gen

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"

	"github.com/sigrouter/sigrouter/idl"
)

// generateDaemon makes a program that serves the Go package, with a stub for each method.
func generateDaemon(f *idl.File, importPath string) ([]File, error) {
	v := newGoView(f)
	v.Import = path.Join(importPath, v.Package)
	qualify(v)
	t, err := template.New("").Funcs(template.FuncMap{"comment": comment, "quote": quote, "lines": lines}).
		ParseFS(templates, "templates/daemon.go.tmpl")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "daemon.go.tmpl", v); err != nil {
		return nil, err
	}
	src, err := format.Source(b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("the Go code made is not valid; this is a bug of the generator: %w", err)
	}
	return []File{{Path: v.Package + "d/main.go", Data: src, Once: true}}, nil
}

// qualify puts the package's name before the types that come from it, for use elsewhere.
func qualify(v *goView) {
	own := regexp.MustCompile(`^((?:\*|\[\])*)([A-Z].*)$`)
	for i := range v.Methods {
		m := &v.Methods[i]
		m.Result = own.ReplaceAllString(m.Result, "${1}"+v.Package+".${2}")
		for j := range m.Params {
			t := &m.Params[j].Field.Type
			*t = own.ReplaceAllString(*t, "${1}"+v.Package+".${2}")
		}
	}
}

// findImportPath finds out which import path a directory has, which need not exist.
func findImportPath(dir string) (string, error) {
	at, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	below := ""
	for {
		mod, err := os.ReadFile(filepath.Join(at, "go.mod"))
		if err == nil {
			m := regexp.MustCompile(`(?m)^module[ \t]+"?([^\s"]+)`).FindSubmatch(mod)
			if m == nil {
				return "", fmt.Errorf("%s names no module", filepath.Join(at, "go.mod"))
			}
			return path.Join(string(m[1]), below), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		up := filepath.Dir(at)
		if up == at {
			return "", fmt.Errorf("there is no go.mod in %s or above, and a daemon has to import its package: run go mod init first", dir)
		}
		below = strings.TrimSuffix(path.Join(filepath.Base(at), below), "/")
		at = up
	}
}
