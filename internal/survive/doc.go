// Package survive holds tests only: what a router must survive, with real sockets,
// processes and networks, next to clients that do nothing wrong and must notice nothing.
// docs/reliability.md lists the cases. With SIG_LONG=1 the amounts are those of a long run.
package survive
