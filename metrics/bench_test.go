package metrics_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/sigrouter/sigrouter/metrics"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// BenchmarkScrape is what one look costs with many signals.
func BenchmarkScrape(b *testing.B) {
	for _, signals := range []int{100, 10_000} {
		b.Run(fmt.Sprint(signals), func(b *testing.B) {
			r := router.New()
			defer r.Close()
			for i := range signals / 10 {
				names := make([]string, 10)
				for j := range names {
					names[j] = fmt.Sprint("event", j)
				}
				if _, err := r.AddSender(fmt.Sprint("sender", i), sig.Events(names...)); err != nil {
					b.Fatal(err)
				}
			}
			c := metrics.New(r)
			for b.Loop() {
				if err := c.Write(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
