package main_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/internal/programs"
)

// TestProgram runs the program. The mails come when they come, in order.
func TestProgram(t *testing.T) {
	p := programs.Start(t, "", programs.Build(t, ".")+"/inapp")
	var mail, rest []string
	for range 8 {
		if line := p.Line(); line[:5] == "mail:" {
			mail = append(mail, line)
		} else {
			rest = append(rest, line)
		}
	}
	require.Equal(t, []string{
		"log:   shop.ordered {ana tea 1}",
		"shop:  4 tea left",
		"log:   shop.ordered {bob cups 1}",
		"log:   store.low cups",
		"shop:  1 cups left",
		"buyer: order cups",
	}, rest)
	require.Equal(t, []string{
		"mail:  dear ana, your tea will come",
		"mail:  dear bob, your cups will come",
	}, mail)
	lines, code := p.Wait()
	require.Empty(t, lines)
	require.Zero(t, code)
}
