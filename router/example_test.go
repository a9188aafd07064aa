package router_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

func Example() {
	r := router.New()
	_, _ = r.AddListener("timer", "tic", func(e sig.Event) {
		fmt.Println(e.Sender, e.Name, e.Data)
	})
	timer, err := r.AddSender("timer", sig.Events("tic"))
	if err != nil {
		fmt.Println(err)
		return
	}
	tic, err := timer.Signal("tic") // get it once and keep it
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := range 3 {
		_ = tic.Trigger(n)
	}
	// Output:
	// timer tic 0
	// timer tic 1
	// timer tic 2
}

// The four kinds of listeners, in the order in which they are called.
func ExampleRouter_AddListener() {
	r := router.New()
	say := func(what string) sig.Listener {
		return func(e sig.Event) { fmt.Printf("%-16s %s %s\n", what, e.Sender, e.Name) }
	}
	_, _ = r.AddListener("timer", "tic", say("normal"))
	_, _ = r.AddListener(sig.Any, "tic", say("channel"))
	_, _ = r.AddListener("timer", sig.Any, say("sender broadcast"))
	all, _ := r.AddListener(sig.Any, sig.Any, say("router broadcast"))

	timer, _ := r.AddSender("timer", sig.Events("tic"))
	tic, _ := timer.Signal("tic")
	_ = tic.Trigger(nil)
	all.Remove()
	_ = tic.Trigger(nil)
	// Output:
	// router broadcast timer #connect
	// sender broadcast timer #connect
	// router broadcast timer tic
	// sender broadcast timer tic
	// channel          timer tic
	// normal           timer tic
	// sender broadcast timer tic
	// channel          timer tic
	// normal           timer tic
}

// A listener may be there before its sender, and stays when that goes.
func ExampleRouter_AddSender() {
	r := router.New()
	_, _ = r.AddListener(sig.Any, sig.Connect, func(e sig.Event) {
		fmt.Println(e.Sender, "declares", e.Data.(sig.Declaration).Events)
	})
	_, _ = r.AddListener(sig.Any, sig.Disconnect, func(e sig.Event) { fmt.Println(e.Sender, "has gone") })

	door, err := r.AddSender("door", sig.Events("opened", "closed"))
	fmt.Println("error:", err)
	_, err = r.AddSender("door", sig.Events("opened"))
	fmt.Println("error:", err)
	_ = door.Remove()
	// Output:
	// door declares [#connect #disconnect closed opened]
	// error: <nil>
	// error: sender "door" is already connected; a name has one holder at a time
	// door has gone
}

func ExampleRouter_Sender() {
	r := router.New()
	_, _ = r.AddSender("door", sig.Events("opened"))

	// Elsewhere, where only the name is known:
	if door, ok := r.Sender("door"); ok {
		opened, err := door.Signal("opened")
		fmt.Println(opened.Listeners(), err)
		_, err = door.Signal("locked")
		fmt.Println(err)
	}
	// Output:
	// 0 <nil>
	// sender "door" has no event "locked"; declared: "opened"
}

func ExampleRouter_Request() {
	r := router.New()
	_, _ = r.AddSender("calculator",
		sig.Answer("add", sig.Handle(func(_ context.Context, p struct{ A, B int }) (int, error) { return p.A + p.B, nil })),
		sig.AnswerRest(func(_ context.Context, q sig.Request) (any, error) {
			return nil, fmt.Errorf("cannot %s yet", q.Method)
		}))

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	sum, err := sig.Ask[int](ctx, r, "calculator", "add", map[string]int{"A": 1, "B": 2})
	fmt.Println(sum, err)
	_, err = r.Request(ctx, "calculator", "divide", nil)
	fmt.Println(err)
	_, err = r.Request(ctx, "abacus", "add", nil)
	fmt.Println(err)
	// Output:
	// 3 <nil>
	// cannot divide yet
	// sender "abacus" is not connected
}

func ExampleRouter_Method() {
	r := router.New()
	clock := r.Method("clock", "hour") // the sender need not be there yet
	_, err := clock.Request(context.Background(), nil)
	fmt.Println(err)
	_, _ = r.AddSender("clock", sig.Answer("hour", func(context.Context, sig.Request) (any, error) { return 12, nil }))
	hour, err := clock.Request(context.Background(), nil)
	fmt.Println(hour.Data, err)
	// Output:
	// sender "clock" is not connected
	// 12 <nil>
}

// Dots divide names into parts; "*" is any one of them, a last ">" all that follow.
func ExampleRouter_AddListener_patterns() {
	r := router.New()
	for _, pattern := range []string{"floor1.*", "*.kitchen", "floor2.>"} {
		_, _ = r.AddListener(pattern, "temperature", func(e sig.Event) { fmt.Printf("%-10s %s\n", pattern, e.Sender) })
	}
	for _, name := range []string{"floor1.kitchen", "floor2.kitchen", "floor2.bath.mirror"} {
		room, _ := r.AddSender(name, sig.Events("temperature"))
		temperature, _ := room.Signal("temperature")
		_ = temperature.Trigger(20)
	}
	// Output:
	// floor1.*   floor1.kitchen
	// *.kitchen  floor1.kitchen
	// *.kitchen  floor2.kitchen
	// floor2.>   floor2.kitchen
	// floor2.>   floor2.bath.mirror
}

func ExampleRouter_AddListener_below() {
	r := router.New()
	_, _ = r.AddListener("post", "address", func(e sig.Event) { fmt.Println(e.Name) }, sig.Below())
	post, _ := r.AddSender("post", sig.Events("address", "address.usa", "addresses"))
	for _, event := range []string{"address", "address.usa", "addresses"} {
		s, _ := post.Signal(event)
		_ = s.Trigger(nil)
	}
	// Output:
	// address
	// address.usa
}

// A listener that comes late gets the last value of a retained event at once.
func ExampleRouter_AddSender_retain() {
	r := router.New()
	lamp, _ := r.AddSender("lamp", sig.RetainValue("state", "off"))
	state, _ := lamp.Signal("state")
	_ = state.Trigger("on")

	_, _ = r.AddListener("lamp", "state", func(e sig.Event) { fmt.Println(e.Data, e.Retained) })
	_ = state.Trigger("off")
	// Output:
	// on true
	// off false
}

// A slow listener with a queue of its own: who triggers does not wait for it, and it
// only gets the newest value.
func ExampleRouter_AddListener_queue() {
	r := router.New()
	began, goOn := make(chan bool), make(chan bool)
	display, _ := r.AddListener("thermometer", "temperature",
		func(e sig.Event) {
			if e.Data == 1 {
				began <- true
				<-goOn
			}
			fmt.Println("display", e.Data)
		},
		sig.Queue(16, sig.Latest),
		sig.OnDrop(func(d sig.Drop) { fmt.Println("skipped", d.Count) }))

	thermometer, _ := r.AddSender("thermometer", sig.Events("temperature"))
	temperature, _ := thermometer.Signal("temperature")
	_ = temperature.Trigger(1)
	<-began
	for n := 2; n <= 5; n++ {
		_ = temperature.Trigger(n)
	}
	close(goOn)
	_ = r.Close() // lets the queue run empty
	fmt.Println("dropped", display.Dropped())
	// Output:
	// display 1
	// skipped 3
	// display 5
	// dropped 3
}

func ExampleRouter_Events() {
	r := router.New()
	defer r.Close()
	counter, _ := r.AddSender("counter", sig.RetainValue("n", 0))
	n, _ := counter.Signal("n")
	for e := range r.Events(context.Background(), "counter", "n") {
		i := e.Data.(int)
		fmt.Println(i)
		if i == 3 {
			break
		}
		_ = n.Trigger(i + 1)
	}
	// Output:
	// 0
	// 1
	// 2
	// 3
}

// A middleware sees every event before the listeners do, and may change it or stop it.
func ExampleRouter_Use() {
	r := router.New()
	remove, _ := r.Use("chat", "line", func(next sig.Listener) sig.Listener {
		return func(e sig.Event) {
			text := e.Data.(string)
			if strings.Contains(text, "secret") {
				return
			}
			next(sig.Event{Origin: e.Origin, Data: text + "!"})
		}
	})
	_, _ = r.AddListener("chat", "line", func(e sig.Event) { fmt.Println(e.Data) })
	chat, _ := r.AddSender("chat", sig.Events("line"))
	line, _ := chat.Signal("line")
	_ = line.Trigger("hello")
	_ = line.Trigger("the secret")
	remove()
	_ = line.Trigger("bye")
	// Output:
	// hello!
	// bye
}

// A source that sleeps while nobody listens.
func ExampleRouter_AddListener_subscribe() {
	r := router.New()
	camera, _ := r.AddSender("camera", sig.Events("frame"))
	for _, event := range []string{sig.Subscribe, sig.Unsubscribe} {
		_, _ = r.AddListener(camera.Name(), event, func(e sig.Event) {
			l := e.Data.(sig.Listening)
			fmt.Printf("%d listeners of %s\n", l.Listeners, l.Event)
		})
	}
	one, _ := r.AddListener("camera", "frame", func(sig.Event) {})
	all, _ := r.AddListener(sig.Any, sig.Any, func(sig.Event) {})
	one.Remove()
	all.Remove()
	// Output:
	// 1 listeners of frame
	// 2 listeners of frame
	// 1 listeners of frame
	// 0 listeners of frame
}

func ExampleOptions() {
	r := router.Options{
		Logger:  slog.New(slog.DiscardHandler),
		OnPanic: func(p router.Panic) { fmt.Println(p.Sender, p.Event, "panic:", p.Value) },
	}.New()
	_, _ = r.AddListener("s", "a", func(sig.Event) { panic("a mistake") })
	_, _ = r.AddListener("s", "a", func(sig.Event) { fmt.Println("called all the same") })
	s, _ := r.AddSender("s", sig.Events("a"))
	a, _ := s.Signal("a")
	_ = a.Trigger(nil)
	// Output:
	// s a panic: a mistake
	// called all the same
}

// Typed helpers spare the assertions.
func Example_typed() {
	type reading struct{ Celsius float64 }
	r := router.New()
	_, _ = sig.On(r, "thermo", "reading", func(_ sig.Event, v reading) { fmt.Println(v.Celsius) }, nil)
	thermo, _ := r.AddSender("thermo", sig.Events("reading"))
	s, _ := sig.SignalOf[reading](thermo, "reading")
	_ = s.Trigger(reading{21.5})
	// Output:
	// 21.5
}
