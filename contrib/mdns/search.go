package sigmdns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/mdns"
)

// service is what routers call themselves.
const service = "_sig._tcp"

// round is how long answers to one question are waited for. Questions get lost; the next
// round asks again.
const round = 250 * time.Millisecond

// mostFound bounds how many routers are listened to in one round.
const mostFound = 256

// A Found is a router that has answered.
type Found struct {
	Name string
	URLs []string // where it is reached
}

func (f Found) named(name string) bool { return strings.EqualFold(f.Name, name) }

// Search lists the routers that answer until the Timeout is over, or ctx ends, by name.
func (s Scheme) Search(ctx context.Context) ([]Found, error) {
	return s.search(ctx, func([]Found) bool { return false })
}

// search asks until enough was found, or time is up.
func (s Scheme) search(ctx context.Context, enough func([]Found) bool) ([]Found, error) {
	var all []Found
	for end := time.Now().Add(s.timeout()); ; {
		found, err := s.ask(ctx)
		for _, f := range found {
			all = merge(all, f)
		}
		switch {
		case enough(all):
			return all, nil
		case ctx.Err() != nil:
			return all, context.Cause(ctx)
		case err != nil:
			return all, fmt.Errorf("cannot ask the network: %w", err)
		case !time.Now().Add(round).Before(end):
			slices.SortFunc(all, func(a, b Found) int { return cmp.Compare(a.Name, b.Name) })
			return all, nil
		}
	}
}

// merge adds an answer to what was found.
func merge(all []Found, f Found) []Found {
	i := slices.IndexFunc(all, func(o Found) bool { return o.named(f.Name) })
	if i < 0 {
		return append(all, f)
	}
	for _, u := range f.URLs {
		if !slices.Contains(all[i].URLs, u) {
			all[i].URLs = append(all[i].URLs, u)
		}
	}
	return all
}

// ask asks once, over IPv4 and IPv6. It fails when neither can be asked over.
func (s Scheme) ask(ctx context.Context) ([]Found, error) {
	var wg sync.WaitGroup
	var entries [2]chan *mdns.ServiceEntry
	var errs [2]error
	for i := range entries {
		entries[i] = make(chan *mdns.ServiceEntry, mostFound)
		wg.Go(func() {
			errs[i] = mdns.QueryContext(ctx, &mdns.QueryParam{
				Service: service, Timeout: round, Interface: s.Interface, Entries: entries[i],
				DisableIPv4: i == 1, DisableIPv6: i == 0, Logger: log.New(io.Discard, "", 0),
			})
		})
	}
	wg.Wait() // what is found may change until then
	var all []Found
	for _, c := range entries {
		for range len(c) {
			if f, ok := read(<-c); ok {
				all = merge(all, f)
			}
		}
	}
	if errs[0] != nil && errs[1] != nil {
		return all, errors.Join(errs[0], errs[1])
	}
	return all, nil
}

// read makes a Found of an answer, which may come from anybody.
func read(e *mdns.ServiceEntry) (f Found, ok bool) {
	if !strings.HasSuffix(e.Name, "."+service+".local.") {
		return f, false
	}
	var hosts []string
	if ip, ok := netip.AddrFromSlice(e.AddrV4); ok {
		hosts = append(hosts, ip.Unmap().String())
	}
	if e.AddrV6IPAddr != nil {
		if ip, ok := netip.AddrFromSlice(e.AddrV6IPAddr.IP); ok && !ip.Is4In6() {
			hosts = append(hosts, ip.WithZone(e.AddrV6IPAddr.Zone).String())
		}
	}
	for _, field := range e.InfoFields {
		key, value, _ := strings.Cut(field, "=")
		switch key {
		case "name":
			f.Name = value
		case "at":
			for _, host := range hosts {
				if u, ok := place(host, value); ok && len(f.URLs) < 16 {
					f.URLs = append(f.URLs, u)
				}
			}
		}
	}
	return f, checkName(f.Name) == nil && len(f.URLs) > 0
}

// place reads one of the places of an advert, as in ws:3080/sig.
func place(host, at string) (string, bool) {
	scheme, rest, ok := strings.Cut(at, ":")
	port, path, slash := strings.Cut(rest, "/")
	n, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil || n == 0 || !slices.Contains(preferred(), scheme) {
		return "", false
	}
	u := url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port)}
	if slash {
		parsed, err := url.Parse("/" + path)
		if err != nil || parsed.RawQuery != "" || parsed.Fragment != "" || parsed.Host != "" {
			return "", false
		}
		u.Path, u.RawPath = parsed.Path, parsed.RawPath
	}
	return u.String(), true
}

// checkName says what is wrong with the name of a router on the network, which is a part
// of a URL and of a name in the DNS.
func checkName(name string) error {
	ok := len(name) > 0 && len(name) <= 63 && !strings.HasPrefix(name, "-")
	for i := range len(name) {
		c := name[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if !ok {
		return fmt.Errorf("mdns: name %q has to be 1 to 63 letters, digits, - and _, and not begin with -", name)
	}
	return nil
}
