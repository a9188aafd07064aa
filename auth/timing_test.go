package auth

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sigrouter/sigrouter/carrier"
)

// S3: a token that is nearly right takes as long to refuse as one that is not. Welch's t
// over two samples taken in turns, without the slowest tenth, where the machine was busy
// with something else. A machine can be unlucky three times in a row, but hardly.
func TestTokenCheckTakesTheSameTime(t *testing.T) {
	var text strings.Builder
	right := "sig_" + strings.Repeat("A", 43)
	for i := range 50 {
		text.WriteString("token t" + strconv.Itoa(i) + " " + Hash(right+strconv.Itoa(i)) + "\n")
	}
	f := parse(t, text.String())
	near, far := right+"x", "zzz_"+strings.Repeat("Z", 44)
	worst := 0.0
	for range 3 {
		if worst = welch(t, f, near, far); worst < 4.5 {
			return
		}
	}
	t.Errorf("|t| = %.1f between a near token and a far one, at least 4.5 three times", worst)
}

func welch(t *testing.T, f *File, tokens ...string) float64 {
	samples := make([][]float64, len(tokens))
	for range 10_000 {
		i := rand.IntN(len(tokens))
		start := time.Now()
		_, err := f.Authenticate(t.Context(), tokens[i], carrier.Info{})
		samples[i] = append(samples[i], float64(time.Since(start)))
		if err == nil {
			t.Fatal("let in")
		}
	}
	var mean, variance [2]float64
	for i, s := range samples {
		slices.Sort(s)
		s = s[:len(s)*9/10]
		for _, v := range s {
			mean[i] += v / float64(len(s))
		}
		for _, v := range s {
			variance[i] += (v - mean[i]) * (v - mean[i]) / float64(len(s)-1) / float64(len(s))
		}
	}
	return math.Abs(mean[0]-mean[1]) / math.Sqrt(variance[0]+variance[1])
}
