//go:build !unix

package main

// ignoreFileSizeLimit does nothing: there is no signal for it.
func ignoreFileSizeLimit() {}
