package sigmdns

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/mdns"
)

// An Advert lets a router be found.
type Advert struct {
	// Name is what the router is found as: 1 to 63 letters, digits, - and _.
	Name string
	// Interface is where it is found. Nil means the system's choice.
	Interface *net.Interface
}

// A Started answers who asks for the router until it is closed.
type Started struct{ server *mdns.Server }

// Start begins to answer that the router is at the URLs, which are those of its listeners:
// tcp, tls, ws and wss. All others are passed over. It fails when none can be reached from
// another machine, unless the Interface is the loopback one.
func (a Advert) Start(urls ...string) (*Started, error) {
	if err := checkName(a.Name); err != nil {
		return nil, err
	}
	local := a.Interface != nil && a.Interface.Flags&net.FlagLoopback != 0
	txt := []string{"name=" + a.Name}
	port := 0
	var ips []net.IP
	for _, at := range urls {
		u, err := url.Parse(at)
		if err != nil {
			return nil, fmt.Errorf("mdns: %q is not a URL: %w", at, err)
		}
		n, err := strconv.Atoi(u.Port())
		if err != nil || !slices.Contains(preferred(), u.Scheme) {
			continue
		}
		ip := net.ParseIP(u.Hostname())
		if ip == nil {
			return nil, fmt.Errorf("mdns: %s: give the URL that the listener returns, which has an address and not a name", at)
		}
		if ip.IsLoopback() && !local {
			continue
		}
		if !ip.IsUnspecified() {
			ips = append(ips, ip)
		}
		port = n
		txt = append(txt, "at="+u.Scheme+":"+u.Port()+u.EscapedPath())
	}
	if port == 0 {
		return nil, fmt.Errorf("mdns: nobody on the network can reach a router at %s; listen at tcp://0.0.0.0:3000, say", strings.Join(urls, ", "))
	}
	return a.start(port, ips, txt)
}

func (a Advert) start(port int, ips []net.IP, txt []string) (*Started, error) {
	if len(ips) == 0 {
		var err error
		if ips, err = a.addresses(); err != nil {
			return nil, err
		}
	}
	// A host of its own: who asks takes two services of one host for one.
	host := a.Name + ".sig.local."
	zone, err := mdns.NewMDNSService(a.Name, service, "local.", host, port, ips, txt)
	if err != nil {
		return nil, fmt.Errorf("mdns: %w", err)
	}
	server, err := mdns.NewServer(&mdns.Config{Zone: zone, Iface: a.Interface, Logger: log.New(io.Discard, "", 0)})
	if err != nil {
		return nil, fmt.Errorf("mdns: cannot answer on the network (UDP port 5353): %w", err)
	}
	return &Started{server}, nil
}

// addresses are those of this machine at which others reach it.
func (a Advert) addresses() (ips []net.IP, err error) {
	var all []net.Addr
	if a.Interface != nil {
		all, err = a.Interface.Addrs()
	} else {
		all, err = net.InterfaceAddrs()
	}
	if err != nil {
		return nil, fmt.Errorf("mdns: %w", err)
	}
	loopback := a.Interface != nil && a.Interface.Flags&net.FlagLoopback != 0
	for _, addr := range all {
		if n, ok := addr.(*net.IPNet); ok && n.IP.IsLoopback() == loopback {
			ips = append(ips, n.IP)
		}
	}
	if len(ips) == 0 {
		return nil, errors.New("mdns: this machine has no address on a network")
	}
	return ips, nil
}

// Close ends the answers. Who has found the router stays connected.
func (s *Started) Close() error { return s.server.Shutdown() }
