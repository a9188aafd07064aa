//go:build unix

package router

import (
	"context"
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/internal/wire"
	"github.com/sigrouter/sigrouter/sig"
)

// farServer is a server's end that answers hello, add_sender and add_listener, takes
// signals, and sends some as fast as they are read.
type farServer struct {
	mu     sync.Mutex
	out    []byte
	bell   chan struct{}
	frame  []byte
	next   uint64
	left   int
	acked  atomic.Uint64
	signal atomic.Uint64
	done   chan struct{}
	once   sync.Once
}

func (f *farServer) say(b []byte) {
	f.mu.Lock()
	f.out = append(f.out, b...)
	f.mu.Unlock()
	f.ring()
}

func (f *farServer) ring() {
	select {
	case f.bell <- struct{}{}:
	default:
	}
}

func (f *farServer) Read(b []byte) (int, error) {
	for {
		f.mu.Lock()
		n := copy(b, f.out)
		f.out = f.out[n:]
		for n == 0 || len(b)-n > len(f.frame) {
			if f.left == 0 || f.next >= f.acked.Load()+1024 || len(b)-n < len(f.frame) {
				break
			}
			f.next++
			f.left--
			binary.BigEndian.PutUint64(f.frame[5:], f.next)
			n += copy(b[n:], f.frame)
		}
		f.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		select {
		case <-f.bell:
		case <-f.done:
			return 0, io.EOF
		}
	}
}

func (f *farServer) TryWrite(b []byte) (int, error) { return f.Write(b) }

func (f *farServer) Write(b []byte) (int, error) {
	total := len(b)
	var m wire.Msg
	lim := wire.Limits{MaxMessage: 1 << 20, MaxDepth: 64}
	last := uint64(0)
	for len(b) > 0 {
		if b[0] == 0x81 {
			last = binary.BigEndian.Uint64(b[5:])
			b = b[5+binary.BigEndian.Uint32(b[1:]):]
			continue
		}
		n, err := wire.Parse(b, &lim, &m)
		if err != nil {
			return 0, err
		}
		b = b[n:]
		switch {
		case m.Kind == wire.Ack:
			f.acked.Store(m.N)
			f.ring()
		case string(m.Method) == "hello":
			f.say([]byte(`{"id":1,"status":0,"response":{"version":1,"envelope":"frame","session":"x","window":1024}}`))
		case string(m.Method) == "add_listener":
			f.say(wire.AppendReply(nil, m.ID, []byte(`{"listener_id":1}`)))
		case m.Kind == wire.Call:
			f.say(wire.AppendReply(nil, m.ID, nil))
		}
	}
	if last > 0 {
		f.signal.Store(last)
		f.say(wire.AppendAck(nil, last, true))
	}
	return total, nil
}

func (f *farServer) Close() error { f.once.Do(func() { close(f.done) }); return nil }

func farClient(b *testing.B) (*ClientRouter, *farServer) {
	f := &farServer{bell: make(chan struct{}, 1), done: make(chan struct{})}
	c, err := ClientOptions{}.Attach(b.Context(), carrier.NewStream(f, carrier.Info{}))
	if err != nil {
		b.Fatal(err)
	}
	return c, f
}

var farData = []byte(`{"seq":1234567890,"sensor":"temp-01","value":21.375,"unit":"C","ok":true,"note":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}`)

// BenchmarkClientReceive measures what an event costs the client that listens.
func BenchmarkClientReceive(b *testing.B) {
	c, f := farClient(b)
	defer c.Close()
	all := make(chan struct{})
	got := 0
	_, err := c.AddRemoteListener(b.Context(), "pub", "tick", func(sig.Event) {
		if got++; got == b.N {
			close(all)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	f.frame = wire.AppendBinarySignalDown(nil, 1, 0, wire.AppendBinaryListeners(nil, []uint32{1}), wire.AppendBinaryInfo(nil, "pub", "tick"), farData)
	b.ReportAllocs()
	from := processorTime()
	b.ResetTimer()
	f.mu.Lock()
	f.left = b.N
	f.mu.Unlock()
	f.ring()
	<-all
	b.ReportMetric(float64(processorTime()-from)/float64(b.N), "cpu-ns/op")
}

// BenchmarkClientTrigger measures what an event costs the client that triggers it.
func BenchmarkClientTrigger(b *testing.B) {
	c, f := farClient(b)
	defer c.Close()
	s, err := c.AddRemoteSender(context.Background(), "pub", sig.Events("tick"))
	if err != nil {
		b.Fatal(err)
	}
	tick, err := s.Signal("tick")
	if err != nil {
		b.Fatal(err)
	}
	data := &sig.Raw{Codec: sig.JSON{}, Bytes: farData}
	b.ReportAllocs()
	from := processorTime()
	b.ResetTimer()
	for range b.N {
		if err := tick.Trigger(data); err != nil {
			b.Fatal(err)
		}
	}
	for f.signal.Load() < uint64(b.N) {
	}
	b.ReportMetric(float64(processorTime()-from)/float64(b.N), "cpu-ns/op")
}
