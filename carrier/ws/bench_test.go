package ws

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
)

func BenchmarkAppendFrame(b *testing.B) {
	for _, client := range []bool{false, true} {
		for _, n := range []int{64, 256, 4096} {
			b.Run(fmt.Sprintf("client=%v/%d", client, n), func(b *testing.B) {
				c := &conn{client: client}
				head, body := bytes.Repeat([]byte("h"), 40), bytes.Repeat([]byte("b"), n-40)
				buf := make([]byte, 0, n+maxHeader)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					buf = c.AppendFrame(buf[:0], head, body)
				}
			})
		}
	}
}

// BenchmarkEcho is a round trip of one frame, and of 64 that travel together.
func BenchmarkEcho(b *testing.B) {
	for _, flight := range []int{1, 64} {
		b.Run(fmt.Sprintf("inflight=%d", flight), func(b *testing.B) {
			l := listen(b, Scheme{}, "ws://127.0.0.1:0/")
			echo(b, l)
			c := dial(b, Scheme{}, l.URL())
			s := c.(carrier.BatchSender)
			frame := bytes.Repeat([]byte("x"), 128)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = buf[:0]
				for range flight {
					buf = s.AppendFrame(buf, frame, nil)
				}
				require.NoError(b, s.SendBatch(buf))
				for range flight {
					_, err := c.Recv()
					require.NoError(b, err)
				}
			}
			b.ReportMetric(float64(b.N*flight)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}

// BenchmarkFanOut writes one event to many connections, 32 of them to a write, as the
// engine does for an event that a hundred listeners wait for.
func BenchmarkFanOut(b *testing.B) {
	const conns, batch = 100, 32
	l := listen(b, Scheme{}, "ws://127.0.0.1:0/")
	var wg sync.WaitGroup
	var servers, clients []carrier.Conn
	for range conns {
		clients = append(clients, dial(b, Scheme{}, l.URL()))
		c, err := l.Accept()
		require.NoError(b, err)
		servers = append(servers, c)
	}
	b.ReportAllocs()
	head, body := bytes.Repeat([]byte("h"), 40), bytes.Repeat([]byte("b"), 150)
	rounds := 0
	var buf []byte
	b.ResetTimer()
	for _, c := range clients {
		wg.Go(func() {
			for {
				if _, err := c.Recv(); err != nil {
					return
				}
			}
		})
	}
	for b.Loop() {
		for _, c := range servers {
			s := c.(carrier.TrySender)
			buf = buf[:0]
			for range batch {
				buf = s.AppendFrame(buf, head, body)
			}
			n, err := s.TrySendBatch(buf)
			if err == nil && n < len(buf) {
				err = s.SendBatch(buf[n:])
			}
			require.NoError(b, err)
		}
		rounds++
	}
	for _, c := range servers {
		require.NoError(b, c.Close())
	}
	wg.Wait()
	b.ReportMetric(float64(rounds*conns*batch)/b.Elapsed().Seconds(), "frames/s")
}

// BenchmarkIdle measures the memory of a connection that waits, both ends of it.
func BenchmarkIdle(b *testing.B) {
	const conns = 2000
	l := listen(b, Scheme{}, "ws://127.0.0.1:0/")
	var wg sync.WaitGroup
	defer wg.Wait()
	before := memory()
	var ends []carrier.Conn
	for range conns {
		c := dial(b, Scheme{}, l.URL())
		s, err := l.Accept()
		require.NoError(b, err)
		for _, end := range []carrier.Conn{c, s} {
			ends = append(ends, end)
			wg.Go(func() {
				for {
					if _, err := end.Recv(); err != nil {
						return
					}
				}
			})
			require.NoError(b, end.Send(bytes.Repeat([]byte("x"), 300)))
		}
	}
	for b.Loop() {
	}
	after := memory()
	b.ReportMetric(float64(after-before)/(2*conns)/1024, "KiB/end")
	b.ReportMetric(0, "ns/op")
	for _, end := range ends {
		_ = end.Close()
	}
}

func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
