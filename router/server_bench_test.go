//go:build unix

package router

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
)

// feed is a client's end that sends signals as fast as they are read, n of them, and
// takes what comes back.
type feed struct {
	frame  []byte // one signal
	binary bool
	next   uint64
	left   int
	head   []byte // sent first
	rest   []byte
	buf    []byte
	to     []*drainEnd
	start  chan struct{}
	done   chan struct{}
	once   sync.Once
}

func (f *feed) Read(b []byte) (int, error) {
	if len(f.head) > 0 {
		n := copy(b, f.head)
		f.head = f.head[n:]
		return n, nil
	}
	<-f.start
	if len(f.rest) == 0 {
		f.fill()
	}
	if len(f.rest) == 0 {
		<-f.done
		return 0, io.EOF
	}
	n := copy(b, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// fill makes as many signals as one large read would bring.
func (f *feed) fill() {
	for f.next > f.taken()+8192 { // as the window of listeners that keep up
		select {
		case <-f.done: // closed: they may never
			return
		default:
			runtime.Gosched()
		}
	}
	f.rest = f.buf[:0]
	for f.left > 0 && len(f.rest) < 32<<10 {
		f.next++
		f.left--
		if f.binary {
			f.rest = append(f.rest, f.frame...)
			binary.BigEndian.PutUint64(f.rest[len(f.rest)-len(f.frame)+5:], f.next)
		} else {
			f.rest = append(wire.AppendID(append(f.rest, `{"n":`...), f.next), f.frame...)
		}
	}
	f.buf = f.rest
}

// taken is how many signals every listener has had.
func (f *feed) taken() uint64 {
	least := f.to[0].last.Load()
	for _, d := range f.to[1:] {
		least = min(least, d.last.Load())
	}
	return least
}

func (f *feed) Write(b []byte) (int, error)    { return len(b), nil }
func (f *feed) TryWrite(b []byte) (int, error) { return len(b), nil }
func (f *feed) Close() error                   { f.once.Do(func() { close(f.done) }); return nil }

// drain is a client's end that acknowledges everything.
type drainEnd struct {
	head   []byte
	bin    bool
	got    int
	want   int
	acks   chan struct{}
	last   atomic.Uint64
	all    chan struct{}
	closed chan struct{}
	once   sync.Once
	n      uint64
}

func (d *drainEnd) Read(b []byte) (int, error) {
	if len(d.head) > 0 {
		n := copy(b, d.head)
		d.head = d.head[n:]
		return n, nil
	}
	select {
	case <-d.acks:
		return len(wire.AppendAck(b[:0], d.last.Load(), d.bin)), nil
	case <-d.closed:
		return 0, io.EOF
	}
}

func (d *drainEnd) TryWrite(b []byte) (int, error) { return d.Write(b) }

func (d *drainEnd) Write(b []byte) (int, error) {
	total := len(b)
	for len(b) > 0 {
		if b[0] >= 0x81 {
			size := 5 + int(binary.BigEndian.Uint32(b[1:]))
			if b[0] == 0x82 {
				d.n = binary.BigEndian.Uint64(b[5:])
				d.got++
			}
			b = b[size:]
			continue
		}
		i := bytes.IndexByte(b, '\n')
		if i > 5 && string(b[:5]) == `{"n":` {
			d.n++
			d.got++
		}
		b = b[i+1:]
	}
	if d.n > 0 {
		d.last.Store(d.n)
		select {
		case d.acks <- struct{}{}:
		default:
		}
	}
	if d.got == d.want {
		close(d.all)
		d.want = -1
	}
	return total, nil
}

func (d *drainEnd) Close() error { d.once.Do(func() { close(d.closed) }); return nil }

// wait waits until everything has come. It gives up when nothing comes any more, however
// long the whole takes: on a loaded machine that is long.
func (d *drainEnd) wait(b *testing.B) {
	const patience = 30 * time.Second
	for had := uint64(0); ; had = d.last.Load() {
		select {
		case <-d.all:
			return
		case <-time.After(patience):
		}
		if d.last.Load() == had {
			b.Fatalf("after %d of %d nothing came for %v", had, b.N, patience)
		}
	}
}

// until waits until ok.
func until(b *testing.B, what string, ok func() bool) {
	for end := time.Now().Add(30 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			b.Fatalf("%s did not come", what)
		}
	}
}

func hello(bin bool) string {
	if bin {
		return `{"id":1,"method":"hello","params":{"version":1,"envelope":"frame"}}`
	}
	return `{"id":1,"method":"hello","params":{"version":1}}`
}

func benchmarkRoute(b *testing.B, bin bool, listeners int, before ...func(*ServerRouter)) {
	data := []byte(`{"seq":1234567890,"sensor":"temp-01","value":21.375,"unit":"C","ok":true,"note":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`)
	srv := NewServer()
	defer srv.Close()
	for _, fn := range before {
		fn(srv)
	}
	var drains []*drainEnd
	for range listeners {
		d := &drainEnd{bin: bin, want: b.N, acks: make(chan struct{}, 1), all: make(chan struct{}), closed: make(chan struct{})}
		d.head = []byte(hello(bin) + `{"id":2,"method":"add_listener","params":{"sender":null,"event":"tick"}}`)
		drains = append(drains, d)
		if err := srv.Attach(carrier.NewStream(d, carrier.Info{})); err != nil {
			b.Fatal(err)
		}
	}
	f := &feed{to: drains, binary: bin, left: b.N, start: make(chan struct{}), done: make(chan struct{})}
	if bin {
		f.frame = wire.AppendBinarySignalUp(nil, 0, wire.AppendBinaryInfo(nil, "pub", "tick"), data)
	} else {
		f.frame = append(wire.AppendSignal(nil, 7, nil, wire.AppendSignalInfo(nil, "pub", "tick", false), data)[len(`{"n":7`):], '\n')
	}
	f.head = []byte(hello(bin) + `{"id":2,"method":"add_sender","params":{"sender":"pub","events":["tick"]}}`)
	until(b, "the listeners", func() bool {
		ready := 0
		for _, p := range srv.Peers() {
			ready += p.Listeners
		}
		return ready == listeners
	})
	if err := srv.Attach(carrier.NewStream(f, carrier.Info{})); err != nil {
		b.Fatal(err)
	}
	until(b, "the sender", func() bool { _, ok := srv.Sender("pub"); return ok })
	b.ReportAllocs()
	from := processorTime()
	b.ResetTimer()
	close(f.start)
	for _, d := range drains {
		d.wait(b)
	}
	b.StopTimer()
	b.ReportMetric(float64(processorTime()-from)/float64(b.N)/float64(listeners), "cpu-ns/delivery")
	f.Close()
}

// processorTime is what this process has used: on a shared machine it leaves out the
// time that other processes had.
func processorTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkRoute(b *testing.B) {
	for _, c := range []struct {
		name string
		bin  bool
		n    int
	}{{"frame/1", true, 1}, {"frame/100", true, 100}, {"json/1", false, 1}, {"json/100", false, 100}} {
		b.Run(c.name, func(b *testing.B) { benchmarkRoute(b, c.bin, c.n) })
	}
}
