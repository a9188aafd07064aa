package gen

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"strings"
	"sync"
	"text/template"

	"github.com/sigrouter/sigrouter/idl"
)

//go:embed templates
var templates embed.FS

// generateGo makes the Go package.
func generateGo(f *idl.File) ([]File, error) {
	v := newGoView(f)
	t, err := template.New("").Funcs(template.FuncMap{"comment": comment, "quote": quote, "lines": lines}).ParseFS(templates, "templates/*.go.tmpl")
	if err != nil {
		return nil, err
	}
	names := []string{"types.go", "server.go", "client.go"}
	files, errs := make([]File, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { files[i], errs[i] = goFile(t, name, v) })
	}
	wg.Wait()
	return files, errors.Join(errs...)
}

func goFile(t *template.Template, name string, v *goView) (File, error) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name+".tmpl", v); err != nil {
		return File{}, err
	}
	src, err := format.Source(b.Bytes())
	if err != nil {
		return File{}, fmt.Errorf("the Go code made is not valid; this is a bug of the generator: %w", err)
	}
	return File{Path: v.Package + "/" + name, Data: src}, nil
}

// comment makes a comment of a text, each line indented; nothing of no text.
func comment(indent, text string) string {
	if text == "" {
		return ""
	}
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "+") {
			line = "\\" + line // else it may be a build constraint of old
		}
		b.WriteString(indent + strings.TrimRight("// "+line, " \t\r") + "\n")
	}
	return b.String()
}

// lines joins texts that are there, with an empty line between.
func lines(texts ...string) string {
	var there []string
	for _, t := range texts {
		if t != "" {
			there = append(there, t)
		}
	}
	return strings.Join(there, "\n\n")
}

func quote(s string) string { return fmt.Sprintf("%q", s) }
