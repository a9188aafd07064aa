package pysig

import (
	"fmt"
	"net"
	"slices"
	"sync"
)

// A Server is a pysig ServerRouter with its TCP carrier: a connection has a thread that
// runs its calls one after the other, and a signal returns when every listener has
// answered.
type Server struct {
	l  net.Listener
	wg sync.WaitGroup

	mu        sync.Mutex
	conns     map[*Conn]bool
	senders   map[string]*sender
	listeners []*listener
	lastID    int64
}

type sender struct {
	owner  *Conn // nil: the server's own
	events []string
	answer func(method string, params any) (any, error)
}

type listener struct {
	owner         *Conn
	id            int64
	sender, event any
}

// NewServer listens at addr.
func NewServer(addr string) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{l: l, conns: map[*Conn]bool{}, senders: map[string]*sender{}, lastID: 140234866534400}
	s.wg.Go(s.accept)
	return s, nil
}

// Addr returns host:port.
func (s *Server) Addr() string { return s.l.Addr().String() }

// Lost counts, over all connections, reads that were not exactly one message.
func (s *Server) Lost() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		n += c.Lost()
	}
	return n
}

// Close ends the server.
func (s *Server) Close() {
	s.l.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *Server) accept() {
	for {
		nc, err := s.l.Accept()
		if err != nil {
			return
		}
		c := newConn(nc)
		c.methods = s.methodsOf(c)
		c.onEnd = func() { s.gone(c) }
		s.mu.Lock()
		s.conns[c] = true
		s.mu.Unlock()
		s.wg.Go(c.serve)
	}
}

func (s *Server) gone(c *Conn) {
	s.mu.Lock()
	s.listeners = slices.DeleteFunc(s.listeners, func(l *listener) bool { return l.owner == c })
	var names []string
	for name, snd := range s.senders {
		if snd.owner == c {
			names = append(names, name)
		}
	}
	s.mu.Unlock()
	for _, name := range names {
		s.removeSender(name)
	}
}

func (s *Server) methodsOf(c *Conn) map[string]func(map[string]any) (any, error) {
	return map[string]func(map[string]any) (any, error){
		"get_version": func(map[string]any) (any, error) { return "1.01", nil },
		"list_senders": func(map[string]any) (any, error) {
			list := []any{map[string]any{"sender": nil, "connected": true}}
			s.mu.Lock()
			defer s.mu.Unlock()
			for name := range s.senders {
				list = append(list, map[string]any{"sender": name, "connected": true})
			}
			return list, nil
		},
		"add_sender": func(p map[string]any) (any, error) {
			name, ok := p["sender"].(string)
			if !ok || p["events"] == nil {
				return nil, failure("Invalid arguments")
			}
			var events []string
			switch e := p["events"].(type) {
			case string:
				events = []string{e}
			case []any:
				for _, x := range e {
					events = append(events, x.(string))
				}
			}
			return nil, s.add(c, name, events, nil)
		},
		"remove_sender": func(p map[string]any) (any, error) {
			s.removeSender(p["sender"].(string))
			return nil, nil
		},
		"add_listener": func(p map[string]any) (any, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.lastID += 16
			s.listeners = append(s.listeners, &listener{owner: c, id: s.lastID, sender: p["sender"], event: p["event"]})
			return map[string]any{"listener_id": s.lastID}, nil
		},
		"remove_listener": func(p map[string]any) (any, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			n := len(s.listeners)
			s.listeners = slices.DeleteFunc(s.listeners, func(l *listener) bool {
				return l.owner == c && float64(l.id) == p["listener_id"]
			})
			if len(s.listeners) == n {
				return nil, failure("Listener not found")
			}
			return nil, nil
		},
		"signal": func(p map[string]any) (any, error) {
			info, _ := p["info"].(map[string]any)
			name, ok := info["sender"].(string)
			if !ok {
				return nil, fmt.Errorf("invalid arguments, missing sender")
			}
			event, _ := info["event"].(string)
			return nil, s.Trigger(name, event, p["data"])
		},
		"request": func(p map[string]any) (any, error) {
			name, _ := p["sender"].(string)
			method, _ := p["method"].(string)
			s.mu.Lock()
			snd := s.senders[name]
			s.mu.Unlock()
			switch {
			case snd == nil:
				return nil, fmt.Errorf("'NoneType' object has no attribute 'getName'")
			case snd.owner == nil:
				return snd.answer(method, p["params"])
			}
			// The owner's failure is dropped: the asker gets null.
			resp, _ := snd.owner.Call("request", map[string]any{"sender": name, "method": method, "params": p["params"]})
			return resp, nil
		},
	}
}

// AddSender adds a sender of the server's own.
func (s *Server) AddSender(name string, events []string, answer func(method string, params any) (any, error)) error {
	return s.add(nil, name, events, answer)
}

func (s *Server) add(owner *Conn, name string, events []string, answer func(string, any) (any, error)) error {
	s.mu.Lock()
	if s.senders[name] != nil {
		s.mu.Unlock()
		return fmt.Errorf("sender %s is already connected", name)
	}
	s.senders[name] = &sender{owner: owner, events: append(events, "#connect", "#disconnect"), answer: answer}
	s.mu.Unlock()
	return s.Trigger(name, "#connect", map[string]any{"events": events, "requests": nil})
}

func (s *Server) removeSender(name string) {
	_ = s.Trigger(name, "#disconnect", map[string]any{"events": []string{}, "requests": nil})
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.senders, name)
}

// Trigger calls the listeners one after the other, and waits for each.
func (s *Server) Trigger(name, event string, data any) error {
	s.mu.Lock()
	snd := s.senders[name]
	matching := slices.Clone(s.listeners)
	s.mu.Unlock()
	switch {
	case snd == nil:
		return fmt.Errorf("sender %s not found", name)
	case !slices.Contains(snd.events, event):
		return fmt.Errorf("'NoneType' object has no attribute 'trigger'")
	}
	for _, l := range matching {
		if (l.sender == nil || l.sender == name) && (l.event == nil || l.event == event) {
			_, _ = l.owner.Call("signal", map[string]any{
				"listener_id": l.id, "info": map[string]any{"sender": name, "event": event}, "data": data,
			})
		}
	}
	return nil
}

// failure is an error with pysig's own text, which need not read as ours do.
type failure string

func (f failure) Error() string { return string(f) }
