//go:build race

package survive

// raceOn reports that the race detector slows everything down, and takes memory.
const raceOn = true
