package router

import (
	"runtime/debug"
	"runtime/metrics"
)

// buildVersion returns the version of this module in the running program, "devel" when it
// was built from a checkout.
func buildVersion() string {
	const path = "github.com/sigrouter/sigrouter"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	if info.Main.Path == path {
		return orDevel(info.Main.Version)
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return orDevel(m.Version)
		}
	}
	return "devel"
}

func orDevel(version string) string {
	if version == "" || version == "(devel)" {
		return "devel"
	}
	return version
}

// heapInUse returns the bytes of the heap that hold objects. Unlike runtime.ReadMemStats
// this stops nobody.
func heapInUse() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
