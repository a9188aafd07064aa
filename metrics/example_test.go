package metrics_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/sigrouter/sigrouter/metrics"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// A program has the metrics in a mux of its own.
func ExampleNew() {
	r := router.New()
	defer r.Close()
	mux := http.NewServeMux()
	mux.Handle("/metrics", metrics.New(r))
	web := httptest.NewServer(mux)
	defer web.Close()

	timer, _ := r.AddSender("timer", sig.Events("tic"))
	tic, _ := timer.Signal("tic")
	_ = tic.Trigger(42)

	resp, err := http.Get(web.URL + "/metrics")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "sig_signal_events_total") {
			fmt.Println(lines.Text())
		}
	}
	// Output:
	// sig_signal_events_total{sender="timer",event="tic"} 1
	// sig_signal_events_total{sender="other",event="other"} 0
}
