package main_test

import (
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
)

func TestProgram(t *testing.T) {
	p := programs.Start(t, "", programs.Build(t, ".")+"/fleet", "-sensors", "4")
	p.Expect("4 sensors are there", "12 values, 21.7 °C on average", "sensor.2 has gone")
	lines, code := p.Wait()
	require.Zero(t, code, p.Errors())
	sort.Strings(lines)
	require.Equal(t, []string{"sensor.0: 20.3 °C", "sensor.1: 21.3 °C", "sensor.3: 23.3 °C"}, lines)
}
