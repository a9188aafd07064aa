package auth

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/carrier"
	"github.com/sigrouter/sigrouter/sig"
)

func parse(t testing.TB, text string) *File {
	t.Helper()
	f, err := Parse("tokens", strings.NewReader(text))
	require.NoError(t, err)
	return f
}

func TestNewToken(t *testing.T) {
	a, hash := NewToken()
	b, _ := NewToken()
	require.NotEqual(t, a, b)
	require.Equal(t, hash, Hash(a))
	require.Len(t, a, len("sig_")+43)
	require.NotContains(t, hash, a[4:])
}

// The names that the package's comment uses.
var thermoToken, thermoHash = "sig_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", Hash("sig_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

func exampleFile(t testing.TB) *File {
	return parse(t, `
# shows what                                    is what
token        thermo-1  `+thermoHash+`           sensor   # in the cellar
token        "ana b"   `+Hash("ana")+`          operator
token        "ana b"   `+Hash("ana's next")+`   operator
certificate  sig://plant/pump                   sensor
certificate  *                                  guest
user         1000                               operator
anonymous                                       guest

allow  sensor    add,trigger  sensor.{name}
allow  operator  any          >
deny   operator  request      pump.>  stop
allow  *         listen       weather.>
deny   guest     listen       >  #connect
`)
}

func TestFileAuthenticate(t *testing.T) {
	f := exampleFile(t)
	require.Equal(t, []string{"ana b", "thermo-1"}, f.Names())
	for name, c := range map[string]struct {
		token string
		info  carrier.Info
		name  string
		may   []string
	}{
		"token":                    {token: thermoToken, name: "thermo-1", may: []string{"add sensor.thermo-1", "listen weather.oslo rain"}},
		"operator":                 {token: "ana", name: "ana b", may: []string{"add sensor.thermo-1", "add sensor.b", "listen weather.oslo rain", "request pump.1 start"}},
		"operator's next":          {token: "ana's next", name: "ana b", may: []string{"add sensor.thermo-1", "add sensor.b", "listen weather.oslo rain", "request pump.1 start"}},
		"anonymous":                {may: []string{"listen weather.oslo rain"}},
		"certificate":              {info: carrier.Info{Carrier: "tls", Identity: "sig://plant/pump"}, name: "sig://plant/pump", may: []string{"listen weather.oslo rain"}},
		"other certificate":        {info: carrier.Info{Carrier: "wss", Identity: "x"}, name: "x", may: []string{"listen weather.oslo rain"}},
		"user":                     {info: carrier.Info{Carrier: "unix", Identity: "uid:1000"}, name: "uid:1000", may: []string{"add sensor.thermo-1", "add sensor.b", "listen weather.oslo rain", "request pump.1 start"}},
		"no user by a certificate": {info: carrier.Info{Carrier: "tls", Identity: "uid:1000"}, name: "uid:1000", may: []string{"listen weather.oslo rain"}},
		"other user":               {info: carrier.Info{Carrier: "unix", Identity: "uid:0"}, may: []string{"listen weather.oslo rain"}},
		"token over all else":      {token: thermoToken, info: carrier.Info{Carrier: "unix", Identity: "uid:1000"}, name: "thermo-1", may: []string{"add sensor.thermo-1", "listen weather.oslo rain"}},
	} {
		id, err := f.Authenticate(t.Context(), c.token, c.info)
		require.NoError(t, err, name)
		require.Equal(t, c.name, id.Name, name)
		var may []string
		for _, q := range []string{"add sensor.thermo-1", "add sensor.b", "listen weather.oslo rain", "request pump.1 start", "request pump.1 stop"} {
			words := append(strings.Fields(q), "")
			action, err := parseActions(words[0])
			require.NoError(t, err)
			if id.Rights.May(action, words[1], words[2]) {
				may = append(may, q)
			}
		}
		require.Equal(t, c.may, may, name)
		again, err := f.Renew(t.Context(), id)
		require.NoError(t, err, name)
		require.Equal(t, id, again, name)
		require.Same(t, id.Rights, again.Rights, name)
	}
	_, err := f.Authenticate(t.Context(), "wrong", carrier.Info{Carrier: "unix", Identity: "uid:1000"})
	require.ErrorIs(t, err, sig.ErrRefused, "a wrong token is not made up for")
}

// A peer that shows nothing gets in by the line for it alone.
func TestFileWithoutAnonymous(t *testing.T) {
	f := parse(t, "token a "+thermoHash+"\nuser *\n")
	_, err := f.Authenticate(t.Context(), "", carrier.Info{Carrier: "tcp"})
	require.ErrorIs(t, err, sig.ErrRefused)
	_, err = f.Authenticate(t.Context(), "", carrier.Info{Carrier: "tls", Identity: "x"})
	require.ErrorIs(t, err, sig.ErrRefused)
	id, err := f.Authenticate(t.Context(), "", carrier.Info{Carrier: "unix", Identity: "uid:7"})
	require.NoError(t, err)
	require.Nil(t, id.Rights, "no rules: everything")
}

// A name cannot be made into a pattern that allows more, nor escape a rule that denies.
func TestOwnNameIsNoPattern(t *testing.T) {
	f := parse(t, "certificate * r\nallow r listen x.{name}\nallow r listen own\ndeny r listen own {name}\n")
	for name, want := range map[string]bool{"a": true, "*": false, ">": false, "a.>": false, "a\nb": false, strings.Repeat("x", 256): false} {
		id, err := f.Authenticate(t.Context(), "", carrier.Info{Carrier: "tls", Identity: name})
		require.NoError(t, err)
		require.Equal(t, want, id.Rights.May(Listen, "x.a", "e"), "%.20q", name)
		require.Equal(t, want, id.Rights.May(Listen, "own", "e"), "%.20q", name)
	}
}

func TestRenewFollowsTheFile(t *testing.T) {
	old := exampleFile(t)
	unix := carrier.Info{Carrier: "unix", Identity: "uid:1000"}
	cert := carrier.Info{Carrier: "tls", Identity: "x"}
	ids := map[string]Identity{}
	for who, c := range map[string]struct {
		token string
		info  carrier.Info
	}{"thermo": {token: thermoToken}, "ana": {token: "ana"}, "next": {token: "ana's next"}, "user": {info: unix}, "cert": {info: cert}, "nobody": {}} {
		id, err := old.Authenticate(t.Context(), c.token, c.info)
		require.NoError(t, err)
		ids[who] = id
	}
	now := parse(t, `
token "ana b" `+Hash("ana's next")+` operator
certificate x operator
certificate * guest
allow operator request pump
allow guest listen >
`)
	for who, want := range map[string]bool{"thermo": false, "ana": false, "next": true, "user": false, "cert": true, "nobody": false} {
		id, err := now.Renew(t.Context(), ids[who])
		require.Equal(t, want, err == nil, who)
		if err == nil {
			require.True(t, id.Rights.May(Request, "pump", "start"), "%s: the nearest line counts", who)
		}
	}
	_, err := now.Renew(t.Context(), Identity{Name: "ana b"})
	require.Error(t, err, "somebody else let this one in")
}

func TestParseErrors(t *testing.T) {
	_, h2 := NewToken()
	secret, _ := NewToken()
	for text, want := range map[string]string{
		"tokens x":                          `tokens:1: a line begins with token, certificate, user, anonymous, allow or deny, not with "tokens"`,
		"\n\n" + secret:                     "tokens:3: a line begins with token, certificate, user, anonymous, allow or deny, not with what stands there",
		"token x":                           "tokens:1: token needs a name and a hash",
		"token x " + secret:                 `the hash of token "x" is not sha256: and 64 hexadecimal digits; if it is the token itself`,
		"token " + secret + " x":            "tokens:1: the hash of token what stands there is not",
		"token x sha256:12":                 `the hash of token "x" is not`,
		"token x sha512:" + h2[7:]:          `the hash of token "x" is not`,
		"token * " + h2:                     `token name "*" is a pattern`,
		"token a " + h2 + "\ntoken b " + h2: `tokens:2: the hash of token "b" is that of an earlier line`,
		"token a " + h2 + " r,s":            `"r,s" is no role`,
		"token \"a " + h2:                   "tokens:1: a quoted word does not end",
		"certificate":                       "certificate needs to know whose",
		"user ana":                          `user needs a user's number, or * for all, not "ana"; id -u NAME shows it`,
		"user 1\nuser 1 x":                  "tokens:2: a second line for user \"1\"",
		"anonymous\nanonymous":              "tokens:2: a second line for anonymous",
		"allow":                             "allow needs a role, actions, a sender",
		"allow r listen":                    "allow needs a role, actions, a sender",
		"allow r listen a b c":              "allow needs a role, actions, a sender",
		"allow r, listen a":                 `"r," is no role`,
		"allow r hear a":                    `"hear" is no action; actions are add, trigger, listen, request, divided by commas, or any`,
		"allow r add a b":                   "add is about a sender; it takes no event or method",
		"allow r any a.>.b":                 `sender pattern "a.>.b" has ">" before its end`,
		"allow r any a >.b":                 `event or method pattern ">.b" has ">" before its end`,
		"deny * any a":                      "tokens:1: there are rules that deny and none that allows",
		"user 1 op\nallow ops any >":        "tokens:1: no rule is about role op; add one, or leave the role out",
	} {
		_, err := Parse("tokens", strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), secret, "an error shows no secret")
	}
	_, err := Parse("tokens", strings.NewReader(strings.Repeat("x\n", 100)))
	require.Len(t, strings.Split(err.Error(), "\n"), maxErrors)
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(path, []byte("anonymous\n"), 0o600))
	f, err := Load(path)
	require.NoError(t, err)
	require.Empty(t, f.Names())
	require.NoError(t, os.Chmod(path, 0o602))
	_, err = Load(path)
	require.ErrorContains(t, err, "chmod o-w it")
	_, err = Load(path + "x")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Nothing that is printed of a File or an Identity by mistake is worth stealing.
func TestNoSecretIsKept(t *testing.T) {
	f := exampleFile(t)
	id, err := f.Authenticate(t.Context(), thermoToken, carrier.Info{})
	require.NoError(t, err)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(format, id)+fmt.Sprintf(format, f), thermoToken)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("token a "+thermoHash+" r\nallow r any >\n", "x")
	f.Add("certificate \"a b\" r # c\nuser 1\nanonymous x\nallow * add,trigger s.{name}\ndeny x listen > #connect", "a.b")
	f.Fuzz(func(t *testing.T, text, name string) {
		file, err := Parse("tokens", strings.NewReader(text))
		if err != nil {
			return
		}
		for _, info := range []carrier.Info{{}, {Carrier: "tls", Identity: name}, {Carrier: "unix", Identity: "uid:1"}} {
			id, err := file.Authenticate(t.Context(), "", info)
			if err == nil {
				id.Rights.May(Listen, name, name)
				id.Rights.MayMatch(Listen, name, name)
			}
		}
	})
}

// What TokenLine writes, Parse reads, whatever the name.
func TestTokenLine(t *testing.T) {
	for _, name := range []string{"ana", "ana smith", `"quoted"`, "#a", "a#b", "é"} {
		token, hash := NewToken()
		line, err := TokenLine(name, hash, "sensor", "guest")
		require.NoError(t, err)
		f, err := Parse("tokens", strings.NewReader(line+"\nallow sensor add a\nallow guest listen b\n"))
		require.NoError(t, err, line)
		id, err := f.Authenticate(t.Context(), token, carrier.Info{})
		require.NoError(t, err)
		require.Equal(t, name, id.Name)
		require.True(t, id.Rights.May(Listen, "b", "x"))
	}
	_, err := TokenLine("a\nanonymous", "sha256:")
	require.ErrorContains(t, err, "token name")
	_, err = TokenLine("ana", Hash("x"), "two words")
	require.ErrorContains(t, err, "is no role")
}
