package stdio

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommandOf(t *testing.T) {
	for _, c := range []struct {
		url  string
		want []string
	}{
		{"exec:thermo", []string{"thermo"}},
		{"exec:./thermo --fast", []string{"./thermo", "--fast"}},
		{"exec:/opt/thermo  --fast ", []string{"/opt/thermo", "--fast"}},
		{"exec:/opt/my%20thermo", []string{"/opt/my", "thermo"}}, // decoded, then split
		{`exec:"/opt/my thermo" -x`, []string{"/opt/my thermo", "-x"}},
		{`exec:sh -c 'read x; echo "$x" > /dev/null'`, []string{"sh", "-c", `read x; echo "$x" > /dev/null`}},
		{`exec:a "b \"c\" \\ \d" 'e\f' g\ h ""`, []string{"a", `b "c" \ \d`, `e\f`, "g h", ""}},
		{`exec:a b'c'"d"e`, []string{"a", "bcde"}},
		{"exec:grep a?b&c=d #x", []string{"grep", "a?b&c=d", "#x"}},
		{"exec:date +%25Y", []string{"date", "+%Y"}},
		{"exec:/bin/date +%25Y", []string{"/bin/date", "+%Y"}},
		{"exec:cmd $HOME *.go ~", []string{"cmd", "$HOME", "*.go", "~"}}, // no shell
		{"exec:sh -c echo;true", []string{"sh", "-c", "echo;true"}},
	} {
		u, err := url.Parse(c.url)
		require.NoError(t, err, c.url)
		got, err := commandOf(u)
		require.NoError(t, err, c.url)
		require.Equal(t, c.want, got, c.url)
	}
}

func TestCommandOfRefuses(t *testing.T) {
	for _, c := range []struct{ url, says string }{
		{"exec:", "names no command"},
		{"exec:''", "names no command"},
		{"exec://thermo", "have no //"},
		{`exec:a 'b`, "a ' is never closed"},
		{`exec:a "b\"`, `a " is never closed`},
		{`exec:a b\`, "a backslash stands at the end"},
		{"exec:date +%Y", "write %25"},
	} {
		u, err := url.Parse(c.url)
		require.NoError(t, err, c.url)
		_, err = commandOf(u)
		require.ErrorContains(t, err, c.says, c.url)
	}
}
