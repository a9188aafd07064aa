package promtext

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	p, err := Parse("# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"q\\\"\\\\\\n,\"} 3\n", false)
	require.NoError(t, err)
	v, n := p.Value("a_total", "x", "q\"\\\n,")
	require.Equal(t, 1, n)
	require.Equal(t, 3.0, v)
	_, err = Parse("# HELP a A.\n# TYPE a counter\na_total 3\n# EOF\n", true)
	require.NoError(t, err)
}

func TestParseRefuses(t *testing.T) {
	head := "# HELP a A.\n# TYPE a gauge\n"
	for says, text := range map[string]string{
		"no end":           head + "a 1",
		"not of family":    head + "b 1\n",
		"same series":      head + "a 1\na 2\n",
		"bad labels":       head + `a{x="a"b"} 1` + "\n",
		"label x twice":    head + `a{x="a",x="b"} 1` + "\n",
		"no sample":        head + "a\n",
		"its HELP before":  "# TYPE a gauge\n",
		"family a twice":   head + "a 1\n" + head,
		"ends in _total":   "# HELP a A.\n# TYPE a counter\n",
		"nor a sample":     head + "\n",
		"buckets go down":  "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
		"not the last":     "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
		"invalid syntax":   head + "a one\n",
		"no kind of":       "# HELP a A.\n# TYPE a thing\n",
		"below zero":       "# HELP a_total A.\n# TYPE a_total counter\na_total -1\n",
		"the last line ha": "",
	} {
		_, err := Parse(text, false)
		require.ErrorContains(t, err, says)
	}
	_, err := Parse(head+"a 1\n", true)
	require.ErrorContains(t, err, "# EOF there: false")
}
