package carrier

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/wire"
)

// An id that a call came with is the one that is named when the caller gives up, and no other.
func TestCallID(t *testing.T) {
	ids := []string{`0`, `7`, `9007199254740993`, `-1`, `1.5`, `"7"`, `"a"`, `null`, ``}
	for _, called := range ids {
		var m wire.Msg
		text := `{"id":` + called + `,"method":"get_version"}`
		if called == "" {
			text = `{"method":"get_version"}`
		}
		_, err := wire.Parse([]byte(text), nil, &m)
		require.NoError(t, err, text)
		id := IDOf(&m)
		for _, named := range ids {
			none := func(s string) bool { return s == "" || s == "null" }
			same := called == named || none(called) && none(named)
			var raw []byte
			if named != "" {
				raw = []byte(named)
			}
			require.Equal(t, same, id.Same(parseCallID(raw)), "called %q, named %q", called, named)
		}
		if called != "" {
			require.Equal(t, called, string(id.raw(nil)))
		}
	}
}
