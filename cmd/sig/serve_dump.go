package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// dump writes what the router knows to the log, for people who look for a fault.
func (d *daemon) dump() {
	text := d.describe(time.Now())
	if d.flags.log == "json" {
		d.log.Warn("dump", "text", text) // one line, as the others
		return
	}
	fmt.Fprint(d.app.err, text)
}

// describe returns senders, listeners, peers and limits as a text.
func (d *daemon) describe(now time.Time) string {
	var b strings.Builder
	b.WriteString(d.srv.String())
	st := d.srv.Stats()
	fmt.Fprintf(&b, "clients: %d connections, %d not logged in, %d sessions whose client may come back\n", st.Conns, st.LoggingIn, st.Away)
	fmt.Fprintf(&b, "waiting: %d bytes, %d requests of clients, %d requests to clients\n", st.QueuedBytes, st.Calls, st.Answers)
	fmt.Fprintf(&b, "since the start: %d events dropped, %d connections refused, %d logins failed\n", st.Dropped, st.Refused, st.LoginFailures)
	for _, name := range slices.Sorted(maps.Keys(st.Passed)) {
		fmt.Fprintf(&b, "limit %s: passed %d times\n", name, st.Passed[name])
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i, p := range d.srv.Peers() {
		if i == 0 {
			fmt.Fprintln(w, "peer\tcarrier\taddress\tname\tidentity\tidle\tsenders\tlisteners\tin\tout\twaiting\tdropped")
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%q\t%q\t%v\t%d\t%d\t%d\t%d\t%d\t%d\n", p.ID, p.Carrier, p.Address, p.Name, p.Identity,
			now.Sub(p.Heard).Round(time.Millisecond), p.Senders, p.Listeners, p.MessagesIn, p.MessagesOut, p.Queue, p.Dropped)
	}
	_ = w.Flush() // into memory
	return b.String()
}
