//go:build !race

package router

// raceOn reports that the race detector slows everything down.
const raceOn = false
