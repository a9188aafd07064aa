// Package origin tells requests of web pages that were served from here from those of
// other pages.
package origin

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// CheckHost refuses a request whose Host names somebody else, as a web page's request
// does when the page's own name was made to point here (DNS rebinding). Origin and Host
// agree then, so that Check sees nothing wrong. The names allowed come without port;
// localhost and loopback addresses always are. Without any, and at an address that is not
// loopback, every name is.
func CheckHost(r *http.Request, allowed []string) error {
	if len(allowed) == 0 && !cameToLoopback(r) {
		return nil
	}
	name, _ := splitHost(r.Host)
	if isLoopbackName(name) {
		return nil
	}
	for _, a := range allowed {
		if strings.EqualFold(strings.Trim(a, "[]"), name) {
			return nil
		}
	}
	return fmt.Errorf("host %s is not a name of this server; if it is, add it to the allowed hosts", Brief(r.Host))
}

// cameToLoopback reports whether the request's connection ends at a loopback address.
func cameToLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && IsLoopback(addr)
}

// IsLoopback reports whether only programs of this machine reach the address.
func IsLoopback(addr net.Addr) bool {
	switch a := addr.(type) {
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

// isLoopbackName reports whether a name without port means this machine and nothing but.
func isLoopbackName(name string) bool {
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback() || strings.EqualFold(name, "localhost")
}

// splitHost divides a Host header into a name without brackets and a port, perhaps empty.
func splitHost(host string) (name, port string) {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[i:], "]") {
		host, port = host[:i], host[i+1:]
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return host, port
}

// Check refuses requests of web pages that come from elsewhere than this host and port, or
// one of the origins allowed; "*" stands for all.
func Check(r *http.Request, allowed []string) error {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 || slices.Contains(allowed, "*") {
		return nil
	}
	if len(origins) == 1 {
		origin := origins[0]
		if slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, origin) }) {
			return nil
		}
		if sameHost(origin, r) {
			return nil
		}
	}
	return fmt.Errorf("origin %s may not connect here; if it should, add it to the allowed origins", Brief(strings.Join(origins, ", ")))
}

// sameHost reports whether a page of the origin was served by the host and port that the
// request was sent to. Only what a browser writes as an origin is understood: a scheme, a
// host and perhaps a port.
func sameHost(origin string, r *http.Request) bool {
	scheme, host, ok := strings.Cut(strings.ToLower(origin), "://")
	if !ok || scheme != "https" && (scheme != "http" || r.TLS != nil) {
		return false
	}
	name, port := splitHost(host)
	if name == "" || strings.ContainsAny(name, "/\\?#@% \t") {
		return false
	}
	wantName, wantPort := splitHost(strings.ToLower(r.Host))
	// A proxy may have ended TLS before us, so the page's scheme says which port
	// stands for none, of both.
	standard := map[string]string{"http": "80", "https": "443"}[scheme]
	if port == "" {
		port = standard
	}
	if wantPort == "" {
		wantPort = standard
	}
	return name == wantName && port == wantPort
}

// Brief quotes hostile text on one short line.
func Brief(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%+q...", s[:most])
	}
	return fmt.Sprintf("%+q", s)
}

// Forwarded reports whether a proxy on this machine passes on somebody else's request.
func Forwarded(r *http.Request) bool {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}
