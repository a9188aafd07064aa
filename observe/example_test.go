package observe_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/sigrouter/sigrouter/observe"
	"github.com/sigrouter/sigrouter/router"
)

// A program tells of its router below a path, and has something of its own for those who
// may inspect the router.
func ExampleOptions_Handler() {
	srv := router.NewServer()
	defer srv.Close()
	h := observe.Options{}.Handler(srv)
	mux := http.NewServeMux()
	mux.Handle("/router/", http.StripPrefix("/router", h))
	mux.Handle("/kettle", h.Guard("kettle", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "hot")
	})))
	web := httptest.NewServer(mux)
	defer web.Close()

	for _, path := range []string{"/router/readyz", "/kettle"} {
		resp, err := http.Get(web.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Print(path, ": ", string(body))
	}
	// Output:
	// /router/readyz: ready
	// /kettle: hot
}
