package thermostat_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	thermostat "github.com/sigrouter/sigrouter/examples/testing"
	"github.com/sigrouter/sigrouter/router"
	"github.com/sigrouter/sigrouter/router/routertest"
	"github.com/sigrouter/sigrouter/sig"
)

// thermometer adds what the thermostat listens to.
func thermometer(t *testing.T, bus sig.Bus) sig.TypedSignal[float64] {
	t.Helper()
	s, err := bus.AddSender("thermometer", sig.Events("temperature"))
	require.NoError(t, err)
	temperature, err := sig.SignalOf[float64](s, "temperature")
	require.NoError(t, err)
	return temperature
}

// In one process there is nothing to wait for: when Trigger returns, all has happened.
func TestInProcess(t *testing.T) {
	bus := router.New()
	th, err := thermostat.New(bus, 20)
	require.NoError(t, err)
	defer th.Close()
	heating := routertest.Record(t, bus, "thermostat", "heating")
	temperature := thermometer(t, bus)

	require.NoError(t, temperature.Trigger(19))
	require.True(t, routertest.NextAs[bool](t, heating))
	require.NoError(t, temperature.Trigger(19.5))
	heating.Empty(t)
	ok, err := sig.Ask[bool](t.Context(), bus, "thermostat", "set", 18.0)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, temperature.Trigger(19.5))
	require.False(t, routertest.NextAs[bool](t, heating))
	_, err = sig.Ask[bool](t.Context(), bus, "thermostat", "set", 99.0)
	require.ErrorIs(t, err, sig.ErrInvalid)
}

// The same part as a client of a server, in memory; ten minutes pass at once.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := routertest.New(t)
		th, err := thermostat.New(site.Client("thermostat").Remote(), 20)
		require.NoError(t, err)
		defer th.Close()
		heating := routertest.Record(t, site.Server, "thermostat", "heating")
		temperature := thermometer(t, site.Client("thermometer").Remote())

		require.NoError(t, temperature.Trigger(15))
		require.True(t, routertest.NextAs[bool](t, heating))
		time.Sleep(thermostat.Silence - time.Second)
		synctest.Wait()
		heating.Empty(t)
		time.Sleep(time.Second)
		require.False(t, routertest.NextAs[bool](t, heating), "the thermometer has gone silent")
	})
}

// What the network does is at hand too: here the cable is pulled, and what was measured
// meanwhile arrives when it is plugged in again.
func TestUnplugged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := routertest.New(t)
		th, err := thermostat.New(site.Server, 20)
		require.NoError(t, err)
		defer th.Close()
		heating := routertest.Record(t, site.Server, "thermostat", "heating")
		temperature := thermometer(t, site.Client("thermometer").Remote())

		site.Unplug()
		require.NoError(t, temperature.Trigger(15))
		time.Sleep(time.Minute)
		synctest.Wait()
		heating.Empty(t)
		site.Plug()
		require.True(t, routertest.NextAs[bool](t, heating))
	})
}
