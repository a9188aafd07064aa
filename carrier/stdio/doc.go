// Package stdio carries messages over standard input and output: this process's own,
// with stdio:, or those of a child process that it runs, with exec:.
//
//	stdio:                          the parent, or whoever holds the other ends of the pipes
//	exec:./thermo --fast            a child, started without a shell
//	exec:/opt/thermo "Room 5"       quotes keep words together
//
// Put Scheme{} among the schemes of a router or client. Dialled, the child is a server;
// listened to, it is a client, and is started again when it has ended.
//
// # Standard input and output
//
// From the moment stdio: is in use nothing else of the process can reach it: descriptor
// 1 becomes standard error, so that a forgotten fmt.Println lands among the logs, and
// descriptor 0 becomes empty. (On Windows they stay as they are: print nothing there.)
package stdio
