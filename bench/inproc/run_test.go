package inproc

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every adapter delivers each event to each listener, and after a removal no more.
func TestAdaptersDeliver(t *testing.T) {
	direct, channel := Baselines()
	for _, a := range append(Peers(), direct, channel) {
		t.Run(a.Name, func(t *testing.T) {
			bus := a.New()
			defer bus.Close()
			got := make(chan int, 20)
			for i := range 2 {
				bus.Subscribe(&Listener{Fn: func(p *Payload) {
					if p.Mark != 1 {
						t.Errorf("got mark %d", p.Mark)
					}
					got <- i
				}})
			}
			bus.Publish(3, &Payload{Mark: 1})
			count := [2]int{}
			for range 6 {
				select {
				case i := <-got:
					count[i]++
				case <-time.After(10 * time.Second):
					t.Fatalf("got only %v of 3 events each", count)
				}
			}
			require.Equal(t, [2]int{3, 3}, count)
		})
	}
}

func TestMedian(t *testing.T) {
	require.Equal(t, 2.0, median([]float64{9, 1, 2}))
	require.Equal(t, 2.5, median([]float64{9, 1, 2, 3}))
}

func TestRunWritesTables(t *testing.T) {
	direct, _ := Baselines()
	direct.Name = "again"
	var out strings.Builder
	err := Run(&out, Own{Now: []Adapter{direct}, Requests: []Adapter{direct}}, Options{
		Rounds: 1, Time: time.Millisecond, Only: regexp.MustCompile("again"),
	})
	require.NoError(t, err)
	require.Regexp(t, `\| direct \| 1 = [0-9.]+ ns \|`, out.String())
	require.Regexp(t, `\| again \| [0-9.]+ \| [0-9.]+ \| [0-9.]+ \| \| 0 / 0 / 0 \|`, out.String())
}
