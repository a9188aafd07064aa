//go:build !race

package survive

const raceOn = false
