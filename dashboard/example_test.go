package dashboard_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sigrouter/sigrouter/dashboard"
	"github.com/sigrouter/sigrouter/router"
)

// A program has the dashboard in a mux of its own, below a path. Who enters the token in
// the page may act.
func ExampleOptions_Handler() {
	srv := router.NewServer()
	defer srv.Close()

	page := dashboard.Options{Token: dashboard.Token("open sesame")}.Handler(srv)
	mux := http.NewServeMux()
	mux.Handle("/dash/", http.StripPrefix("/dash", page))

	web := httptest.NewServer(mux)
	defer web.Close()
	resp, err := http.Get(web.URL + "/dash") // the mux adds the slash
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.Status, resp.Header.Get("Content-Type"), strings.Contains(string(body), "<title>Sig"))
	// Output: 200 OK text/html; charset=utf-8 true
}
