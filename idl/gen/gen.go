package gen

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sigrouter/sigrouter/idl"
)

// Languages are what Run can make.
//
//   - "go": a package in a directory of its own, named after the class in lower case
//   - "daemon": a Go program beside it that serves the package, to begin with; it is
//     yours from then on and never written again
//   - "js": an ES module, name.js, and its TypeScript types, name.d.ts
//   - "asyncapi": an AsyncAPI 3.1 document, name.asyncapi.json
func Languages() []string { return []string{"go", "daemon", "js", "asyncapi"} }

// A File is one file that was made.
type File struct {
	Path string // below the output directory, with slashes
	Data []byte
	Once bool // not to replace one that is there
}

// Generate makes what the languages say from a file. Paths are below the output
// directory, whose Go import path is importPath; only "daemon" needs it.
func Generate(f *idl.File, languages []string, importPath string) ([]File, error) {
	var all []File
	for _, language := range languages {
		var files []File
		var err error
		switch language {
		case "go":
			files, err = generateGo(f)
		case "daemon":
			files, err = generateDaemon(f, importPath)
		case "js":
			files, err = generateJS(f)
		case "asyncapi":
			files, err = generateAsyncAPI(f)
		default:
			err = fmt.Errorf("unknown language %q; known are %s", language, strings.Join(Languages(), ", "))
		}
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	return all, nil
}

// Run reads interface files and writes what the languages say into a directory, which it
// makes if need be. When anything is wrong with any of the files it writes nothing, and the
// error tells all of it; errors.As finds idl.Errors. Files that would not change are not
// touched. It returns the paths of all files made.
func Run(inputs []string, dir string, languages []string) ([]string, error) {
	importPath := ""
	if slices.Contains(languages, "daemon") {
		var err error
		if importPath, err = findImportPath(dir); err != nil {
			return nil, err
		}
	}
	var all []File
	var failed idl.Errors
	var unread []error
	from := map[string]string{}
	for _, input := range inputs {
		src, err := os.ReadFile(input)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		f, errs := idl.Parse(input, src)
		failed = append(failed, errs...)
		if f == nil {
			continue
		}
		files, err := Generate(f, languages, importPath)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", input, err)
		}
		for _, made := range files {
			if other, taken := from[made.Path]; taken {
				return nil, fmt.Errorf("%s and %s both make %s; give their classes different names", other, input, made.Path)
			}
			from[made.Path] = input
		}
		all = append(all, files...)
	}
	if err := errors.Join(append(unread, failed.Err())...); err != nil {
		return nil, err
	}
	if err := writeAll(dir, all); err != nil {
		return nil, err
	}
	var paths []string
	for _, made := range all {
		paths = append(paths, filepath.Join(dir, filepath.FromSlash(made.Path)))
	}
	slices.Sort(paths)
	return paths, nil
}
