// Package routertest helps to test programs that use routers: a server and clients
// joined in memory, connections that can be cut, and listeners that a test can ask for
// the next event.
//
//	func TestAlarm(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) {
//			site := routertest.New(t)
//			alarms := routertest.Record(t, site.Server, "guard", "alarm")
//			NewGuard(site.Client("guard").Remote()) // what is tested
//
//			time.Sleep(time.Minute) // passes at once
//			if got := routertest.NextAs[string](t, alarms); got != "nobody at the door" {
//				t.Errorf("alarm is %q", got)
//			}
//		})
//	}
//
// No socket is involved, so tests run inside a testing/synctest bubble, where time is
// virtual: a timeout of a minute, the keepalive and the waits of a client that connects
// again cost nothing, and come when they should to the nanosecond. The clock of a test
// is that of synctest; there is no other. Call synctest.Wait before checking that
// something has not happened.
package routertest
