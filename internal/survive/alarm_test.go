package survive

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/sig"
)

// X4 and G5: while all processors are busy, nobody who is there is taken for gone, neither by the
// server nor by a client: not those that say nothing, not those that talk all the time.
func TestNobodyIsTakenForGone(t *testing.T) {
	length := lasting(t, 4*time.Second, time.Hour)
	limits := carrier.Limits{} // as by default
	if length < time.Minute {
		limits.PingAfter, limits.DeadAfter = 500*time.Millisecond, 3*time.Second
	}
	s := newSite(t, router.ServerOptions{Limits: limits})
	done := s.bystanders()
	var away atomic.Int32
	var alarms []<-chan time.Time
	for i := range amount(50, 200) {
		name := fmt.Sprint("quiet ", i)
		alarms = append(alarms, gone(t, s.srv, name))
		c := s.dial(router.ClientOptions{Limits: limits, OnState: func(st router.State) {
			if !st.Connected {
				away.Add(1)
			}
		}})
		_, err := c.AddRemoteSender(t.Context(), name, sig.Events("e"))
		require.NoError(t, err)
	}
	stop := make(chan struct{})
	time.AfterFunc(length, func() { close(stop) })
	var busy sync.WaitGroup
	var turns atomic.Int64
	for range 2 * runtime.NumCPU() {
		busy.Go(func() {
			for n := 0; ; n++ {
				if n%1000 > 0 {
					continue
				}
				select {
				case <-stop:
					turns.Add(int64(n))
					return
				default:
				}
			}
		})
	}
	busy.Wait()
	require.NotContains(t, s.log.String(), "peer disconnected")
	for _, at := range alarms {
		require.Empty(t, at)
	}
	require.Zero(t, away.Load())
	done()
	t.Logf("%v, %d silent clients, %d turns of those that keep the processors busy: no false alarm", length, len(alarms), turns.Load())
}
