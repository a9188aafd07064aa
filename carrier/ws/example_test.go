package ws_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/sigrouter/sigrouter/carrier/ws"
)

// A Listener is mounted like any handler. A router would serve it; here the connection is
// used by hand.
func ExampleListener() {
	l := ws.NewListener(ws.Options{})
	mux := http.NewServeMux()
	mux.Handle("/sig", l)
	server := httptest.NewServer(mux)
	defer server.Close()
	defer l.Close()

	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		frame, _ := conn.Recv()
		_ = conn.Send(frame)
	}()

	u, _ := url.Parse("ws" + strings.TrimPrefix(server.URL, "http") + "/sig")
	conn, err := ws.Scheme{}.Dial(context.Background(), u)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	_ = conn.Send([]byte(`{"id":1,"method":"get_version"}`))
	frame, err := conn.Recv()
	fmt.Println(string(frame), err)
	// Output: {"id":1,"method":"get_version"} <nil>
}
