// Fleet is a site full of sensors: each is a client of its own, over TCP. A collector
// hears all of them by one pattern, and notices when one is switched off. A display that comes late
// gets the last value of each sensor that is there, because the values are retained.
//
//	go run ./examples/fleet
//	go run ./examples/fleet -sensors 200
//	go run ./examples/fleet -listen tcp://127.0.0.1:3000 -linger 1m    # and look, in another shell:
//	go run ./cmd/sig listen 'sensor.*' temperature
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/sigrouter/sigrouter"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func main() {
	n := flag.Int("sensors", 5, "how many sensors")
	listen := flag.String("listen", "tcp://127.0.0.1:0", "where the router is to be")
	linger := flag.Duration("linger", 0, "how long to stay")
	flag.Parse()
	ctx := context.Background()
	srv := sigrouter.NewServer()
	defer srv.Close()
	l := must(srv.Listen(ctx, *listen))

	// The collector is one more client.
	var came, values, gone sync.WaitGroup
	came.Add(*n)
	values.Add(3 * *n)
	gone.Add(1)
	collector := must(sigrouter.Dial(ctx, l.URL())).Remote()
	sum, mu := 0.0, sync.Mutex{}
	must(collector.AddListener("sensor.*", sig.Connect, func(sig.Event) { came.Done() }))
	must(sig.On(collector, "sensor.*", "temperature", func(_ sig.Event, celsius float64) {
		mu.Lock()
		defer mu.Unlock()
		sum += celsius
		values.Done()
	}, nil))
	must(collector.AddListener("sensor.*", sig.Disconnect, func(e sig.Event) {
		fmt.Println(e.Sender, "has gone")
		gone.Done()
	}))

	fleet := make([]*sensor, *n)
	for i := range fleet {
		fleet[i] = newSensor(ctx, l.URL(), i)
	}
	came.Wait()
	fmt.Println(*n, "sensors are there")
	for range 3 {
		for _, s := range fleet {
			s.measure()
		}
	}
	values.Wait()
	fmt.Printf("%d values, %.1f °C on average\n", 3**n, sum/float64(3**n))

	fleet[*n/2].client.Close()
	gone.Wait()

	display := must(sigrouter.Dial(ctx, l.URL())).Remote()
	last := make(chan string, *n)
	must(sig.On(display, "sensor.*", "temperature", func(e sig.Event, celsius float64) {
		last <- fmt.Sprintf("%s: %.1f °C", e.Sender, celsius)
	}, nil))
	for range *n - 1 {
		fmt.Println(<-last)
	}
	time.Sleep(*linger)
}

// A sensor is a client with one sender.
type sensor struct {
	client      *router.ClientRouter
	temperature sig.TypedSignal[float64]
	celsius     float64
}

func newSensor(ctx context.Context, url string, i int) *sensor {
	name := fmt.Sprintf("sensor.%d", i)
	client := must(sigrouter.Dial(ctx, url))
	sender := must(client.AddRemoteSender(ctx, name, sig.Retain("temperature")))
	return &sensor{client, must(sig.SignalOf[float64](sender, "temperature")), 20 + float64(i)}
}

func (s *sensor) measure() {
	s.celsius += 0.1
	must(0, s.temperature.Trigger(s.celsius))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
