package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"time"

	js "github.com/sigrouter/sigrouter/clients/js"
)

//go:embed web
var web embed.FS

// An asset is a file of the page.
type asset struct {
	name, kind, tag string
	data            []byte
}

// kinds are the media types of the page's files.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// loadAssets returns the files of the page by their paths; "" is the page.
func loadAssets() map[string]asset {
	files := map[string]asset{}
	pages, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // the directory is embedded
	}
	for _, name := range list(pages) {
		files[name] = read(pages, name)
	}
	files["sig.js"] = read(js.Files, "sig.js")
	files[""] = files["index.html"]
	return files
}

func list(from fs.FS) (names []string) {
	_ = fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	return names
}

func read(from fs.FS, name string) asset {
	data, err := fs.ReadFile(from, name)
	if err != nil {
		panic(err) // it is embedded
	}
	sum := sha256.Sum256(data)
	return asset{name: name, kind: kinds[path.Ext(name)], tag: `"` + hex.EncodeToString(sum[:8]) + `"`, data: data}
}

// serve answers with the file, or says that the browser has it already.
func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "no-cache") // ask whether it is still the same
	w.Header().Set("Etag", a.tag)
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.data))
}
