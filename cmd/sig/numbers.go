package main

import (
	"fmt"
	"strconv"
	"time"
)

// Numbers as people like to read them, in few columns.

// grouped returns 1234567 as 1,234,567.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rateText returns a rate: with a decimal where it is small.
func rateText(r float64) string {
	if r < 99.95 {
		return strconv.FormatFloat(r, 'f', 1, 64)
	}
	return grouped(uint64(r + 0.5))
}

// bytesText returns a size with its unit: 812 B, 1.4 MB.
func bytesText[N int | int64 | uint64 | float64](n N) string {
	f := float64(n)
	if f < 1000 {
		return fmt.Sprintf("%.0f B", f)
	}
	for _, unit := range []string{"kB", "MB", "GB"} {
		if f /= 1000; f < 999.95 {
			return fmt.Sprintf("%.*f %s", decimals(f), f, unit)
		}
	}
	return fmt.Sprintf("%.0f TB", f/1000)
}

// shortDuration returns how long a call took: 430 µs, 1.2 ms, 3.4 s.
func shortDuration(d time.Duration) string {
	switch f := float64(d); {
	case d <= 0:
		return "-"
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", f/1e3)
	case d < time.Second:
		return fmt.Sprintf("%.*f ms", decimals(f/1e6), f/1e6)
	}
	return fmt.Sprintf("%.*f s", decimals(d.Seconds()), d.Seconds())
}

func decimals(f float64) int {
	if f < 9.95 {
		return 1
	}
	return 0
}

// ageText returns how long ago something was, by its two largest units: 12s, 3m12s, 2h05m,
// 4d03h.
func ageText(d time.Duration) string {
	s := int64(max(d, 0).Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s%86400/3600)
}

// sparkline returns a bar for each value, the largest as high as a line.
func sparkline(values []float64) string {
	bars := []rune(" ▁▂▃▄▅▆▇█")
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	out := make([]rune, len(values))
	for i, v := range values {
		step := 0
		if most > 0 && v > 0 {
			step = 1 + int(v/most*float64(len(bars)-2))
		}
		out[i] = bars[step]
	}
	return string(out)
}
