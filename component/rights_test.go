package component_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/sigrouter/sigrouter/auth"
	"github.com/sigrouter/sigrouter/component"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/router/routertest"
	"github.com/sigrouter/sigrouter/sig"
)

// The rules in docs/components.md are enough for a component that they name, and for no other.
func TestRules(t *testing.T) {
	docs, err := os.ReadFile("../docs/components.md")
	require.NoError(t, err)
	rules := regexp.MustCompile(`(?m)^    (allow .*)$`).FindAllSubmatch(docs, -1)
	require.Len(t, rules, 3)
	const token = "sig_token-of-a-robot-0123456789abcdef"
	text := "token r1 " + auth.Hash(token) + " robot\n"
	for _, r := range rules {
		text += string(r[1]) + "\n"
	}
	login, err := auth.Parse("tokens", strings.NewReader(text))
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		bus := routertest.NewWith(t, router.ServerOptions{Login: login}).ClientWith(router.ClientOptions{Token: token}).Remote()
		robot := join(t, bus, component.Options{Name: "robot", Topics: []string{"declared"}})
		require.NoError(t, robot.Subscribe(""))
		require.NoError(t, robot.Publish("declared", "1"))
		require.NoError(t, robot.Publish("arm.left", "2"))
		require.Equal(t, []string{"declared 1", "arm.left 2"}, take(t, robot))
		_, err = component.Join(t.Context(), bus, component.Options{Name: "other"})
		require.ErrorIs(t, err, sig.ErrRefused)
	})
}
