// Package sigmdns finds a router on the local network by its name, and lets a router be
// found: multicast DNS, as in RFC 6762 and 6763, service _sig._tcp.
//
// A program that has a router says so:
//
//	l, err := srv.Listen(ctx, "tcp://0.0.0.0:3000")
//	ad, err := sigmdns.Advert{Name: "kitchen"}.Start(l.URL())
//	defer ad.Close()
//
// Another gives its client the scheme, and finds it without an address:
//
//	schemes := sigrouter.Schemes()
//	schemes["mdns"] = sigmdns.Scheme{Through: schemes}
//	c, err := router.ClientOptions{Schemes: schemes}.Dial(ctx, "mdns://kitchen")
//
// Each time the client connects again it looks anew, so that a router may move to another
// address. mdns:// without a name is the only router there is.
//
// Whoever is on the network can answer such a question. What is found is therefore no more
// trusted than an address somebody has shouted: to be sure whom you talk to use TLS with a
// server name, mdns://kitchen?via=tls takes nothing else, and give the "tls" of Through
// the ServerName that the router's certificate has.
package sigmdns
