//go:build race

package main

// raceEnabled says that the command is to be built with the race detector too.
const raceEnabled = true
