//go:build !race

package survive

// shadow is how many times the memory the race detector takes, at most.
const shadow = 1
