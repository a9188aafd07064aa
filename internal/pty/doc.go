// Package pty opens pseudo terminals, which stand in for serial ports in tests.
package pty
