package router

import "time"

// TakeForQuick has every handler taken to be quick, also under the race detector.
func TakeForQuick(s *ServerRouter, clients ...*ClientRouter) {
	for _, p := range s.engine.Peers() {
		sessionOf(p).crew.pace.limit.Store(int64(time.Hour))
	}
	for _, c := range clients {
		c.crew.pace.limit.Store(int64(time.Hour))
	}
}
