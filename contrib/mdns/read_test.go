package sigmdns

import (
	"net"
	"testing"

	"github.com/hashicorp/mdns"
	"github.com/stretchr/testify/require"
)

// Answers come from anybody.
func TestReadHostileAnswers(t *testing.T) {
	entry := func(name string, fields ...string) *mdns.ServiceEntry {
		return &mdns.ServiceEntry{Name: name, AddrV4: net.IPv4(192, 0, 2, 1), Port: 1, InfoFields: fields}
	}
	good := "kitchen." + service + ".local."
	f, ok := read(entry(good, "name=kitchen", "at=tcp:3000", "at=ws:3080/a%20b", "else=1"))
	require.True(t, ok)
	require.Equal(t, Found{"kitchen", []string{"tcp://192.0.2.1:3000", "ws://192.0.2.1:3080/a%20b"}}, f)
	for _, e := range []*mdns.ServiceEntry{
		entry("kitchen._http._tcp.local.", "name=kitchen", "at=tcp:3000"),
		entry(good, "at=tcp:3000"),
		entry(good, "name=a b", "at=tcp:3000"),
		entry(good, "name=\x1b[31m", "at=tcp:3000"),
		entry(good, "name=kitchen"),
		entry(good, "name=kitchen", "at=exec:rm"),
		entry(good, "name=kitchen", "at=tcp:0"),
		entry(good, "name=kitchen", "at=tcp:99999"),
		entry(good, "name=kitchen", "at=tcp"),
		entry(good, "name=kitchen", "at=ws:80/x?y=1"),
		entry(good, "name=kitchen", "at=ws:80//evil.example/"),
		entry(good, "name=kitchen", "at=ws:80/%zz"),
		{Name: good, InfoFields: []string{"name=kitchen", "at=tcp:3000"}},
	} {
		_, ok := read(e)
		require.False(t, ok, "%+v", e)
	}
}
