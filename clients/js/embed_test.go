package js_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	js "github.com/sigrouter/sigrouter/clients/js"
)

// TestFiles checks that a browser takes what is served for a module.
func TestFiles(t *testing.T) {
	w := httptest.NewRecorder()
	http.FileServerFS(js.Files).ServeHTTP(w, httptest.NewRequest("GET", "/sig.js", nil))
	if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || !strings.HasPrefix(got, "text/javascript") {
		t.Errorf("GET /sig.js: %d, %q; want 200, text/javascript", w.Code, got)
	}
	if !strings.Contains(w.Body.String(), "export async function connect(") {
		t.Error("GET /sig.js does not return the client")
	}
}
